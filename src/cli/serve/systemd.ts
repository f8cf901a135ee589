import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Whoever started the process, and wants to hear how it does. */
export interface Supervisor {
  /** It serves from here on. */
  ready(status: string): void
  /** In a line, for people. */
  status(text: string): void
  /** It ends from here on. */
  stopping(): void
  /** Waits until what was said has been heard, and says no more. Never rejects. */
  close(): Promise<void>
}

/** How long `systemd-notify` may take. */
const notifyMs = 10_000

type Env = Readonly<Record<string, string | undefined>>

/**
 * Tells systemd (sd_notify(3)): `READY=1`, `STATUS=`, `STOPPING=1`, and `WATCHDOG=1` for as long as the process turns,
 * where `WatchdogSec=` asks for that. Node has no datagram sockets of Unix, so `systemd-notify` says it, whose messages
 * systemd takes where the unit has `NotifyAccess=all`. Without `NOTIFY_SOCKET` nothing is started.
 *
 * @param refused told where systemd cannot be told; once
 */
export function systemdSupervisor(env: Env, refused: (why: string) => void): Supervisor {
  if (!env.NOTIFY_SOCKET) {
    const nobody = () => undefined
    return { ready: nobody, status: nobody, stopping: nobody, close: async () => undefined }
  }
  const notify = notifier(env, refused)
  let watchdog: NodeJS.Timeout | undefined
  // One that is not heard yet is as good as another.
  const turns = () => {
    if (!notify.isSaying) notify.say('WATCHDOG=1')
  }
  return {
    ready: (status) => {
      notify.say('READY=1', `STATUS=${oneLine(status)}`)
      const every = watchdogMs(env)
      if (every !== undefined) watchdog ??= setInterval(turns, every)
      watchdog?.unref()
    },
    status: (text) => notify.say(`STATUS=${oneLine(text)}`),
    stopping: () => {
      // From here on systemd waits for the end alone.
      clearInterval(watchdog)
      notify.say('STOPPING=1', 'STATUS=answering what is under way')
    },
    close: async () => {
      clearInterval(watchdog)
      await notify.said()
    },
  }
}

interface Notifier {
  /** Whether something that was said has not been heard yet. */
  readonly isSaying: boolean
  say(...assignments: readonly string[]): void
  said(): Promise<void>
}

/** One message after the other, as they were said. */
function notifier(env: Env, refused: (why: string) => void): Notifier {
  let turn: Promise<unknown> = Promise.resolve()
  let wasRefused = false
  let left = 0
  const run = async (assignments: readonly string[]) => {
    try {
      await promisify(execFile)('systemd-notify', [...assignments], {
        // Nothing else of the environment is any business of its.
        env: { PATH: env.PATH, NOTIFY_SOCKET: env.NOTIFY_SOCKET },
        timeout: notifyMs,
      })
    } catch (error) {
      if (wasRefused) return
      wasRefused = true
      const code = error instanceof Error && 'code' in error ? error.code : 'unknown'
      refused(`systemd-notify failed (${code})`)
    }
  }
  return {
    get isSaying() {
      return left > 0
    },
    say: (...assignments) => {
      left++
      turn = turn.then(() => run(assignments)).finally(() => left--)
    },
    said: async () => {
      await turn
    },
  }
}

/** Twice as often as it is waited for; undefined where nobody waits for this process. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Env): number | undefined {
  const micros = Number(WATCHDOG_USEC)
  if (!Number.isSafeInteger(micros) || micros <= 0) return undefined
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid
  return isOurs ? Math.max(1, Math.floor(micros / 2000)) : undefined
}

/** A message is lines of assignments: a second line would be another one. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ')
}
