/** Jumak as it is profiled: started on a scene's application, on a core of its own, with one worker. */
import { rmSync } from 'node:fs'
import { parentOf, processes } from '../processes.ts'
import { RunningStack } from '../running.ts'
import type { Scene } from '../scenes.ts'
import { jumak, ROOT } from '../stacks.ts'

export interface Roles {
  readonly master: number
  readonly gateway: number
  readonly preloader: number
  readonly worker: number
}

export class Server {
  readonly port: number
  readonly pids: Roles
  readonly #running: RunningStack

  private constructor(running: RunningStack, pids: Roles) {
    this.#running = running
    this.port = running.port
    this.pids = pids
  }

  static async start(scene: Scene, env: NodeJS.ProcessEnv): Promise<Server> {
    const running = await RunningStack.start(jumak('jumak', ROOT), scene, 1, env)
    try {
      return new Server(running, rolesUnder(running.pid))
    } catch (error) {
      await running.end()
      removeMaps([running.pid])
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.#running.end()
    removeMaps(Object.values(this.pids))
  }
}

/** V8 writes them for perf, where perf looks for them. */
function removeMaps(pids: readonly number[]): void {
  for (const pid of pids) rmSync(`/tmp/perf-${pid}.map`, { force: true })
}

function rolesUnder(master: number): Roles {
  const all = processes()
  const find = (role: string, parent: number, part: string) => {
    const found = all.find(({ pid, command }) => parentOf(pid) === parent && command.includes(part))
    if (found === undefined) throw new Error(`there is no ${role} process under process ${parent}`)
    return found.pid
  }
  const preloader = find('preloader', master, 'jumak_worker')
  return {
    ...{ master, preloader, gateway: find('gateway', master, 'gateway/main') },
    worker: find('worker', preloader, 'jumak_worker'),
  }
}
