/** One gateway of a cluster, run by the executable as users run it; with workers it is several nodes. */
import { repositoryRoot } from '../micro/paths.ts';
import type { Guard } from './guard.ts';
import { Member } from './member.ts';
import { answersOk } from './probes.ts';

export interface GatewayNodeOptions {
  readonly name: string;
  readonly port: number;
  readonly accessKey: string;
  /** By which it is known beside its own URL; the first is the one that its page uses. */
  readonly endpoints: readonly string[];
  readonly backplane: string;
  /** Processes that share its port, each a node. */
  readonly workers: number;
  /** True: development mode, with the playground. */
  readonly page: boolean;
  /** Further settings, as variables. */
  readonly env: Readonly<Record<string, string>>;
  readonly guard: Guard;
  readonly onDeath: (member: Member, how: string) => void;
}

export class GatewayNode {
  /** Its own, not the balancer's; kept by a restart. */
  readonly url: string;
  readonly process: Member;
  readonly #nodeIds = new Map<string, string>();

  constructor(options: GatewayNodeOptions) {
    this.url = `http://127.0.0.1:${String(options.port)}`;
    this.process = new Member({
      command: {
        name: options.name,
        command: process.execPath,
        args: [`${repositoryRoot}bin/trunkline.js`, 'serve'],
        env: settingsOf(options, this.url),
        onLine: (line) => {
          const started = startedNode(line);
          if (started !== undefined) this.#nodeIds.set(started.worker, started.nodeId);
        },
      },
      guard: options.guard,
      isReady: async () =>
        (await answersOk(`${this.url}/readyz`)) && this.#nodeIds.size === options.workers,
      onDeath: options.onDeath,
    });
  }

  /** Of the present process, or of its first worker: another after each restart. */
  get nodeId(): string {
    return this.nodeIds[0] ?? '';
  }

  /** One for each worker. */
  get nodeIds(): readonly string[] {
    return [...this.#nodeIds.values()];
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Sends a signal that need not end it, for instance SIGSTOP. */
  signal(name: NodeJS.Signals): void {
    this.process.signal(name);
  }

  /** SIGKILL, or another signal that ends it; resolves when it has ended. */
  kill(name?: NodeJS.Signals): Promise<void> {
    return this.process.kill(name);
  }

  /** Resolves when it is ready, at the same URL, as a new node. */
  async restart(): Promise<void> {
    await this.process.stop();
    await this.start();
  }

  async start(): Promise<void> {
    this.#nodeIds.clear();
    await this.process.start();
  }
}

function settingsOf(options: GatewayNodeOptions, url: string): Record<string, string> {
  return {
    TRUNKLINE_ACCESS_KEY: options.accessKey,
    // Nobody waits for a balancer here; who wants to see a drain says so in the environment.
    TRUNKLINE_DRAIN_DELAY_MS: '0',
    TRUNKLINE_DRAIN_SPREAD_MS: '0',
    ...options.env,
    TRUNKLINE_MODE: options.page ? 'development' : 'production',
    TRUNKLINE_HOST: '127.0.0.1',
    TRUNKLINE_PORT: String(options.port),
    TRUNKLINE_WORKERS: String(options.workers),
    TRUNKLINE_PUBLIC_ENDPOINTS: [...options.endpoints, url].join(','),
    TRUNKLINE_BACKPLANE: options.backplane,
    // The node's id is read from its log.
    TRUNKLINE_LOG_FORMAT: 'json',
    TRUNKLINE_LOG_LEVEL: 'info',
  };
}

/** The log entry that says that a node has started; undefined for other lines. */
function startedNode(
  line: string,
): { readonly worker: string; readonly nodeId: string } | undefined {
  if (!line.includes('gateway started')) return undefined;
  const nodeId = /"nodeId":"([^"]+)"/.exec(line)?.[1];
  return nodeId === undefined
    ? undefined
    : { worker: /"worker":(\d+)/.exec(line)?.[1] ?? '1', nodeId };
}
