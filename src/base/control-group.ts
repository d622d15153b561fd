/** Where this process stands among the control groups, from `/proc/self/cgroup`; versions 1 and 2. Reads nothing itself. */

export interface ControlGroup {
  /** Directories below the root of all control groups where its tree may be mounted. */
  readonly mounts: readonly string[]
  readonly path: string
}

/**
 * Lines are `0::/path` for version 2, `4:cpu,cpuacct:/path` for version 1. In a container the root often is the
 * container's own group while the path is the host's: then only the root exists, which `upwards` ends with.
 */
export function controlGroups(membership: string, controller: string): ControlGroup[] {
  return membership.split('\n').flatMap(line => {
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? []
    if (id === undefined || controllers === undefined || path === undefined) return []
    if (id === '0' && controllers === '') return [{ mounts: [''], path }]
    return controllers.split(',').includes(controller) ? [{ mounts: [controller, controllers], path }] : []
  })
}

/** `/a/b` → `/a/b`, `/a`, `/`. A path with `..` leads out of the namespace, to groups that cannot be seen. */
export function upwards(path: string): string[] {
  const parts = path.split('/').filter(part => part !== '')
  if (parts.includes('..')) return ['/']
  return Array.from({ length: parts.length + 1 }, (_, i) => `/${parts.slice(0, parts.length - i).join('/')}`)
}
