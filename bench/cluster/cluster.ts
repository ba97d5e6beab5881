/** Starts and stops a whole cluster on this machine: broker, nodes, nginx. For tests and benchmarks. */
import { randomBytes } from 'node:crypto';
import { findPort } from '../micro/child-server.ts';
import { brokerOf, type Broker } from './broker.ts';
import { GatewayNode } from './gateway-node.ts';
import { Guard } from './guard.ts';
import type { Member } from './member.ts';
import { nginxOf } from './nginx.ts';
import { whyUnavailable, type BackplaneName } from './options.ts';

export interface ClusterOptions {
  readonly backplane: BackplaneName;
  /** On `memory` they are the workers of one gateway (more than one on Linux only). */
  readonly nodes: number;
  /** Of a broker that runs already, instead of one of its own. */
  readonly brokerUrl?: string;
  /** Default true. */
  readonly nginx?: boolean;
  /** True: development mode, with the playground. Default false. */
  readonly page?: boolean;
  /** Further settings of every node, as variables TRUNKLINE_…; the cluster's own win. */
  readonly env?: Readonly<Record<string, string>>;
  /** A program ended and nobody had asked it to. */
  readonly onDeath?: (member: Member, how: string) => void;
}

export interface Cluster {
  /** nginx's, or the first node's where there is no nginx. */
  readonly url: string;
  /** Signs tokens that every node accepts; their endpoint is `url`. */
  readonly accessKey: string;
  /** As the Azure SDKs and `trunkline publish` take it. */
  readonly connectionString: string;
  /** On `memory` one with all workers. */
  readonly nodes: readonly GatewayNode[];
  /** Its own; undefined for `memory`. */
  readonly broker: Broker | undefined;
  readonly nginx: Member | undefined;
  /** Ends everything, clients told first. Idempotent. */
  stop(): Promise<void>;
}

const accessKeyBytes = 32;

/**
 * Resolves when every node is ready and reachable.
 * @throws Error with a sentence and the output of what failed; nothing is left running then.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const unavailable = whyUnavailable(options.backplane);
  if (unavailable !== undefined) throw new Error(unavailable);
  const gateways = options.backplane === 'memory' ? 1 : options.nodes;
  const [nginxPort = 0, brokerPort = 0, ...nodePorts] = await findPorts(gateways + 2);
  const cluster = new RunningCluster(options, { nginxPort, brokerPort, nodePorts });
  try {
    await cluster.start();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

async function findPorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await findPort());
  return [...ports];
}

interface Ports {
  readonly nginxPort: number;
  readonly brokerPort: number;
  readonly nodePorts: readonly number[];
}

class RunningCluster implements Cluster {
  readonly url: string;
  readonly accessKey: string;
  readonly nodes: readonly GatewayNode[];
  readonly broker: Broker | undefined;
  readonly nginx: Member | undefined;
  readonly #guard = new Guard();
  #stopped: Promise<void> | undefined;

  constructor(options: ClusterOptions, { nginxPort, brokerPort, nodePorts }: Ports) {
    const { backplane, env = {}, onDeath = () => undefined } = options;
    const accessKey = env['TRUNKLINE_ACCESS_KEY'] ?? randomBytes(accessKeyBytes).toString('base64');
    const shared = { accessKey, guard: this.#guard, onDeath };
    const nginxUrl = `http://127.0.0.1:${String(nginxPort)}`;
    const hasNginx = options.nginx !== false;
    this.accessKey = accessKey;
    this.broker =
      options.brokerUrl === undefined
        ? brokerOf(backplane, { ...shared, port: brokerPort })
        : undefined;
    this.nginx = hasNginx ? nginxOf({ ...shared, port: nginxPort, nodePorts }) : undefined;
    this.nodes = nodePorts.map(
      (port, index) =>
        new GatewayNode({
          ...shared,
          name: `node ${String(index + 1)}`,
          port,
          endpoints: hasNginx ? [nginxUrl, `http://localhost:${String(nginxPort)}`] : [],
          backplane: options.brokerUrl ?? this.broker?.url ?? 'memory:',
          workers: backplane === 'memory' ? options.nodes : 1,
          page: options.page ?? false,
          env: { ...env, ...this.broker?.env },
        }),
    );
    this.url = hasNginx ? nginxUrl : (this.nodes[0]?.url ?? nginxUrl);
  }

  get connectionString(): string {
    return `Endpoint=${this.url};AccessKey=${this.accessKey};Version=1.0;`;
  }

  async start(): Promise<void> {
    await this.broker?.process.start();
    const started = await Promise.allSettled(this.nodes.map((node) => node.start()));
    const failed = started.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await this.nginx?.start();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.process.stop()));
    await this.nginx?.stop();
    await this.broker?.process.stop();
    await this.#guard.close();
  }
}
