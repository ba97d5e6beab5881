/** The whole system under test: broker, three nodes, nginx, and a proxy on every link that can fail. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayNode } from '../../bench/cluster/gateway-node.ts';
import { Guard } from '../../bench/cluster/guard.ts';
import type { Member } from '../../bench/cluster/member.ts';
import { nginxOf } from '../../bench/cluster/nginx.ts';
import { freePort } from '../support/redis.ts';
import { brokerOf, type BrokerName } from './brokers.ts';
import type { LossBroker } from './loss-broker.ts';
import { LinkProxy } from './link-proxy.ts';
import { hub } from './resuming-client.ts';

export interface LossClusterOptions {
  readonly broker: BrokerName;
  readonly nodes: number;
  /** Time in ms over which the clients of a node leave that is stopped. */
  readonly drainSpreadMs: number;
  /** Of every stream; default: nothing is dropped during a test. */
  readonly retention?: {
    readonly messages: number;
    readonly seconds: number;
    readonly bytes: number;
  };
  /** Further settings of every node. */
  readonly env?: Readonly<Record<string, string>>;
}

const lossless = { messages: 200_000, seconds: 24 * 3600, bytes: 4 * 1024 ** 3 };
const accessKeyBytes = 32;
/** Each takes as long as a gateway waits for its broker. */
const startsMax = 4;

export class LossCluster {
  readonly accessKey = randomBytes(accessKeyBytes).toString('base64');
  readonly broker: LossBroker;
  readonly nodes: readonly GatewayNode[];
  readonly nginx: Member;
  /** nginx's own URL: what tokens name. */
  readonly url: string;
  /** Between clients and nginx. */
  readonly clientLink: LinkProxy;
  /** Between each node and the broker's servers; empty where the broker's clients pass proxies by. */
  readonly brokerLinks: readonly (readonly LinkProxy[])[];
  /** Programs that ended by themselves, with their last output. */
  readonly deaths: string[] = [];
  readonly #guard: Guard;
  #stopped: Promise<void> | undefined;

  private constructor(parts: {
    readonly options: LossClusterOptions;
    readonly guard: Guard;
    readonly broker: LossBroker;
    readonly ports: readonly number[];
    readonly brokerLinks: readonly (readonly LinkProxy[])[];
  }) {
    const { broker, brokerLinks, guard, options, ports } = parts;
    const [nginxPort = 0, ...nodePorts] = ports;
    const onDeath = (member: Member, how: string): void => {
      this.deaths.push(`${member.name}: ${how}\n${member.output}`);
    };
    this.#guard = guard;
    this.broker = broker;
    this.brokerLinks = brokerLinks;
    this.url = `http://127.0.0.1:${nginxPort}`;
    this.nginx = nginxOf({ port: nginxPort, nodePorts, guard, onDeath });
    this.clientLink = new LinkProxy(nginxPort);
    const env = { ...settingsOf(options, guard.folder), ...options.env };
    this.nodes = nodePorts.map((port, index) => {
      const links = brokerLinks[index] ?? [];
      return new GatewayNode({
        name: `node ${index + 1}`,
        port,
        accessKey: this.accessKey,
        endpoints: [this.url],
        backplane: broker.urlOf(links.length > 0 ? links.map((link) => link.port) : broker.ports),
        workers: 1,
        page: false,
        env,
        guard,
        onDeath,
      });
    });
  }

  /** Resolves when all of it works. @throws Error, and nothing is left running. */
  static async start(options: LossClusterOptions): Promise<LossCluster> {
    const guard = new Guard();
    let cluster: LossCluster | undefined;
    try {
      const broker = await brokerOf(options.broker, guard);
      const ports = new Set<number>();
      while (ports.size <= options.nodes) ports.add(await freePort());
      const brokerLinks = await linksTo(broker, options.nodes);
      cluster = new LossCluster({ options, guard, broker, ports: [...ports], brokerLinks });
      await cluster.#start();
      return cluster;
    } catch (error) {
      await (cluster?.stop() ?? guard.close());
      throw error;
    }
  }

  /** Where clients come in. */
  get door(): {
    readonly urls: readonly string[];
    readonly endpoint: string;
    readonly accessKey: string;
  } {
    const urls = [`http://127.0.0.1:${this.clientLink.port}`];
    return { urls, endpoint: this.url, accessKey: this.accessKey };
  }

  /**
   * Starts a node that has ended, as a service manager does: again, where it gave up because the
   * broker did not answer. @throws Error with what the last try said.
   */
  async startNode(node: GatewayNode): Promise<void> {
    for (let left = startsMax; ; left -= 1) {
      try {
        await node.start();
        return;
      } catch (error) {
        if (left === 1) throw error;
      }
    }
  }

  /** The nodes' ways to one of the broker's ports lead to another one from now on. */
  redirect(port: number, to: number): void {
    const index = this.broker.ports.indexOf(port);
    for (const links of this.brokerLinks) {
      const link = links[index];
      if (link !== undefined) link.targetPort = to;
    }
  }

  /** Everything passes again, and every program runs. */
  async heal(): Promise<void> {
    this.clientLink.heal();
    for (const link of this.brokerLinks.flat()) link.heal();
    for (const node of this.nodes) {
      node.signal('SIGCONT');
      if (!node.process.isRunning) await this.startNode(node);
    }
  }

  /** Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #start(): Promise<void> {
    await this.broker.start();
    const started = await Promise.allSettled(this.nodes.map((node) => node.start()));
    const failed = started.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await this.nginx.start();
    await this.clientLink.listen();
  }

  async #stop(): Promise<void> {
    for (const node of this.nodes) node.signal('SIGCONT');
    // Nobody is there who would mind.
    await Promise.all(this.nodes.map((node) => node.kill()));
    await this.nginx.stop();
    await this.broker.stop();
    await Promise.all([this.clientLink, ...this.brokerLinks.flat()].map((link) => link.close()));
    await this.#guard.close();
  }
}

/** For each node a proxy to each server of the broker. */
async function linksTo(broker: LossBroker, nodes: number): Promise<LinkProxy[][]> {
  const links = Array.from({ length: broker.isProxied ? nodes : 0 }, () =>
    broker.ports.map((port) => new LinkProxy(port)),
  );
  await Promise.all(links.flat().map((link) => link.listen()));
  return links;
}

/** What every node is told. */
function settingsOf(
  { drainSpreadMs, retention = lossless }: LossClusterOptions,
  folder: string,
): Record<string, string> {
  const path = join(folder, 'trunkline.json');
  const streams = ['group:room.*', 'user:**'].map((match) => ({ match, retention: 'kept' }));
  writeFileSync(
    path,
    JSON.stringify({ hubs: { [hub]: { streams } }, retention: { kept: retention } }),
  );
  return {
    TRUNKLINE_CONFIG: path,
    TRUNKLINE_CLIENT_HEARTBEAT_MS: '2000',
    TRUNKLINE_DRAIN_DELAY_MS: '500',
    TRUNKLINE_DRAIN_SPREAD_MS: String(drainSpreadMs),
    TRUNKLINE_DRAIN_MS: '10000',
  };
}
