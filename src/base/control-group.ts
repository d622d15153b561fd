/** Reads the text of `/proc/self/cgroup` (versions 1 and 2): the control groups of this process. Opens no file. */

export interface ControlGroup {
  /** Directories where the group's tree may be mounted, below the root of all control groups. */
  readonly mounts: readonly string[]
  readonly path: string
}

/**
 * A line is `0::/path` in version 2 and `4:cpu,cpuacct:/path` in version 1. In a container the root is often the container's own group,
 * while the path is the host's. Then only the root exists, and `upwards` ends with it.
 */
export function controlGroups(membership: string, controller: string): ControlGroup[] {
  return membership.split('\n').flatMap(line => {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? []
    if (id === undefined || controllers === undefined || path === undefined) return []
    if (id === '0' && controllers === '') return [{ mounts: [''], path }]
    return controllers.split(',').includes(controller) ? [{ mounts: [controller, controllers], path }] : []
  })
}

/** `/a/b` → `/a/b`, `/a`, `/`. A path with `..` leads out of the namespace, to groups that this process cannot see. */
export function upwards(path: string): string[] {
  const parts = path.split('/').filter(part => part !== '')
  if (parts.includes('..')) return ['/']
  return Array.from({ length: parts.length + 1 }, (_, i) => `/${parts.slice(0, parts.length - i).join('/')}`)
}
