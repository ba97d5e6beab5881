/** One child process: its last output, how it ended, and signals to it. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { delimiter } from 'node:path';
import type { Readable } from 'node:stream';
import type { Guard } from './guard.ts';

export interface ProgramCommand {
  /** For messages: `node 2`, `nginx`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Beside the caller's environment without its `TRUNKLINE_` settings. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

const linesMax = 40;
const stopMsMax = 10_000;

/** Servers are in folders that the PATH of an ordinary user often lacks. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin'];

export class Program {
  readonly name: string;
  readonly pid: number;
  /** Resolves with how it ended: `exit code 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>;
  readonly #lines: string[] = [];
  #isRunning = true;

  private constructor(
    command: ProgramCommand,
    child: ChildProcessByStdio<null, Readable, Readable>,
    pid: number,
  ) {
    this.name = command.name;
    this.pid = pid;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        if (this.#lines.push(line) > linesMax) this.#lines.shift();
        command.onLine?.(line);
      });
    }
    // "close" and not "exit": then the last output is there.
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#isRunning = false;
        resolve(signal === null ? `exit code ${String(code)}` : `signal ${signal}`);
      });
    });
  }

  /** @throws Error when the program cannot be started. */
  static async start(command: ProgramCommand, guard: Guard): Promise<Program> {
    const child = spawn(command.command, command.args, {
      // A group of its own: Ctrl-C reaches the runner only, and workers end with their program.
      detached: process.platform !== 'win32',
      env: { ...inheritedEnvironment(), ...command.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      await once(child, 'spawn');
    } catch (cause) {
      const advice = `is "${command.command}" installed and in the PATH?`;
      throw new Error(`${command.name} cannot be started: ${advice}`, { cause });
    }
    const { pid } = child;
    if (pid === undefined) throw new Error(`${command.name} started without a process id`);
    guard.add(pid);
    const program = new Program(command, child, pid);
    void program.ended.then(() => guard.remove(pid));
    return program;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The last lines that it wrote, to whichever stream. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /** Sends a signal to the program; SIGKILL to its workers, too, for they could not be told. */
  signal(name: NodeJS.Signals): void {
    if (!this.#isRunning) return;
    if (name === 'SIGKILL') signalGroup(this.pid, name);
    else process.kill(this.pid, name);
  }

  /** Asks it to end, by force when it does not obey in time. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.signal('SIGTERM');
    // One that is held by SIGSTOP would not see the signal.
    this.signal('SIGCONT');
    const force = setTimeout(() => this.signal('SIGKILL'), stopMsMax);
    await this.ended;
    clearTimeout(force);
  }
}

/** Signals a process and what it started (0: only asks). False when there is none. */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    return false;
  }
}

/** Without settings of the gateway: what a node is told is told by the cluster. */
function inheritedEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith('TRUNKLINE_') && value !== undefined) env[name] = value;
  }
  env['PATH'] = [env['PATH'], ...systemFolders].join(delimiter);
  return env;
}
