/** Starts one server under test as a process of its own, and ends exactly that process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface ServerCommand {
  readonly name: string;
  /** The program; default: this Node.js. */
  readonly program?: string;
  /** Its arguments; of Node.js first the file that it runs. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly port: number;
  /** Node.js only: opens the inspector, so that a garbage collection can be asked for. */
  readonly inspect: boolean;
}

const startMsMax = 15_000;
const stopMsMax = 5000;
const probeMsMax = 1000;
const outputCharactersMax = 4000;

/** Servers stay below the ports from which the system takes those of outgoing connections. */
const portMin = 20_000;
const portMax = 30_000;

/** A running server. */
export class ChildServer {
  readonly port: number;
  readonly #child: ChildProcess;
  #output = '';

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-outputCharactersMax);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the server did not start');
    return this.#child.pid;
  }

  /** URL of the inspector, when the server was started with one. */
  get inspectorUrl(): string | undefined {
    return /ws:\/\/127\.0\.0\.1:\d+\/[\w-]+/.exec(this.#output)?.[0];
  }

  /** Resolves when the port accepts connections. @throws Error with the last output otherwise. */
  static async start(command: ServerCommand): Promise<ChildServer> {
    const inspect = command.inspect ? ['--inspect=127.0.0.1:0'] : [];
    const child = spawn(command.program ?? process.execPath, [...inspect, ...command.args], {
      env: { ...process.env, ...command.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const server = new ChildServer(child, command.port);
    const deadline = Date.now() + startMsMax;
    while (!(await accepts(command.port))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await server.stop();
        throw new Error(`${command.name} did not start:\n${server.#output}`);
      }
      await delay(50);
    }
    return server;
  }

  /** Ends the process; by force when it does not obey in time. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), stopMsMax);
    await ended;
    clearTimeout(force);
  }
}

/** A port that nobody listens on now, below the range of outgoing connections. */
export async function findPort(random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = portMin + Math.floor(random() * (portMax - portMin));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found in ${String(portMin)}..${String(portMax)}`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return await new Promise((resolve) => {
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}

async function accepts(port: number): Promise<boolean> {
  try {
    const url = `http://127.0.0.1:${String(port)}/healthz`;
    const response = await fetch(url, { signal: AbortSignal.timeout(probeMsMax) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
