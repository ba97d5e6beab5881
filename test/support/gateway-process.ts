/**
 * A gateway in a process of its own, started by its executable: its death, its memory and its exit
 * code are those of a gateway in use.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { testAccessKey } from './gateway.ts';
import { waitFor, withDeadline } from './wait.ts';

// From <outDir>/test/support, where this file runs.
const executable = fileURLToPath(new URL('../../gateway/main.js', import.meta.url));
const startDeadlineMs = 30_000;

/** The environment of this process, without settings that would change the outcome. */
function environment(variables: Readonly<Record<string, string>>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (/^(TRUNKLINE_|NODE_)/.test(name) || value === undefined) continue;
    env[name] = value;
  }
  return { ...env, ...variables };
}

/** One run of `trunkline`. */
export class Run {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #closed: Promise<unknown>;

  /** @param nodeFlags flags of Node.js itself. */
  constructor(
    args: readonly string[],
    variables: Readonly<Record<string, string>>,
    nodeFlags: readonly string[] = [],
  ) {
    this.#child = spawn(process.execPath, [...nodeFlags, executable, ...args], {
      env: environment(variables),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout.on('data', (data: Buffer) => {
      this.stdout += data.toString();
    });
    this.#child.stderr.on('data', (data: Buffer) => {
      this.stderr += data.toString();
    });
    this.#closed = once(this.#child, 'close');
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the exit code when the process has ended by itself. */
  async exitCode(): Promise<number | null> {
    const ended = this.#closed.then(() => this.#child.exitCode);
    return withDeadline(ended, { what: 'the process ended', deadlineMs: startDeadlineMs });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it as a service manager does. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.exitCode();
  }

  /** Idempotent. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }
}

export class GatewayProcess {
  readonly run: Run;
  readonly accessKey = testAccessKey;
  #url = '';

  private constructor(run: Run) {
    this.run = run;
  }

  /** Settings as variables of the environment, without the prefix `TRUNKLINE_`. */
  static async start(
    settings: Readonly<Record<string, string | number>> = {},
    options: { readonly nodeFlags?: readonly string[]; readonly args?: readonly string[] } = {},
  ): Promise<GatewayProcess> {
    // Who drains takes its time; a test that wants that says so.
    const variables: Record<string, string> = {
      TRUNKLINE_ACCESS_KEY: testAccessKey,
      TRUNKLINE_DRAIN_DELAY_MS: '0',
      TRUNKLINE_DRAIN_SPREAD_MS: '0',
    };
    for (const [name, value] of Object.entries(settings)) {
      variables[`TRUNKLINE_${name}`] = String(value);
    }
    const { args = [], nodeFlags } = options;
    const run = new Run(['serve', '--port', '0', ...args], variables, nodeFlags);
    const gateway = new GatewayProcess(run);
    try {
      gateway.#url = await waitFor(
        () => {
          if (!run.isAlive) throw new Error(`the gateway did not start: ${run.stderr}`);
          return /^Trunkline listens on (\S+)$/m.exec(run.stdout)?.[1];
        },
        { what: 'the gateway listens', deadlineMs: startDeadlineMs },
      );
    } catch (error) {
      await run.kill();
      throw error;
    }
    return gateway;
  }

  /** For instance `http://127.0.0.1:41234`. */
  get url(): string {
    return this.#url;
  }

  get wsUrl(): string {
    return this.#url.replace(/^http/, 'ws');
  }

  get port(): number {
    return Number(new URL(this.#url).port);
  }

  /** The metrics page: `name{labels}` without `trunkline_`, to value. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const response = await fetch(`${this.#url}/metrics`);
    const samples = new Map<string, number>();
    for (const line of (await response.text()).split('\n')) {
      const match = /^trunkline_(\S+) (\S+)$/.exec(line);
      if (match?.[1] !== undefined) samples.set(match[1], Number(match[2]));
    }
    return samples;
  }

  /** One value of the metrics page; 0 where it has not been counted yet. */
  async metric(name: string): Promise<number> {
    return (await this.metrics()).get(name) ?? 0;
  }
}
