/** One gateway process of a cluster, run by the executable as users run it. */
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
  #nodeId = '';

  constructor(options: GatewayNodeOptions) {
    this.url = `http://127.0.0.1:${String(options.port)}`;
    this.process = new Member({
      command: {
        name: options.name,
        command: process.execPath,
        args: [`${repositoryRoot}bin/trunkline.js`, 'serve'],
        env: settingsOf(options, this.url),
        onLine: (line) => {
          this.#nodeId = startedNodeId(line) ?? this.#nodeId;
        },
      },
      guard: options.guard,
      isReady: async () => (await answersOk(`${this.url}/readyz`)) && this.#nodeId !== '',
      onDeath: options.onDeath,
    });
  }

  /** Of the present process: another after each restart. */
  get nodeId(): string {
    return this.#nodeId;
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
    this.#nodeId = '';
    await this.process.start();
  }
}

function settingsOf(options: GatewayNodeOptions, url: string): Record<string, string> {
  return {
    TRUNKLINE_ACCESS_KEY: options.accessKey,
    ...options.env,
    TRUNKLINE_MODE: options.page ? 'development' : 'production',
    TRUNKLINE_HOST: '127.0.0.1',
    TRUNKLINE_PORT: String(options.port),
    TRUNKLINE_PUBLIC_ENDPOINTS: [...options.endpoints, url].join(','),
    TRUNKLINE_BACKPLANE: options.backplane,
    // The node's id is read from its log.
    TRUNKLINE_LOG_FORMAT: 'json',
    TRUNKLINE_LOG_LEVEL: 'info',
  };
}

/** The node's id in the log entry that says that it has started. */
function startedNodeId(line: string): string | undefined {
  if (!line.includes('gateway started')) return undefined;
  return /"nodeId":"([^"]+)"/.exec(line)?.[1];
}
