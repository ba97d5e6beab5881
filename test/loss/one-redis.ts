/** One Redis server that writes what it acknowledges to a file, and the ways to lose that. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guard } from '../../bench/cluster/guard.ts';
import type { Member } from '../../bench/cluster/member.ts';
import { freePort } from '../support/redis.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait.ts';
import { LinkProxy } from './link-proxy.ts';
import { crash, timeToLose, type BrokerScene, type LossBroker } from './loss-broker.ts';
import { RedisLine } from './redis-line.ts';
import { redisMember } from './redis-member.ts';

const syncMsMax = 15_000;

export class OneRedis implements LossBroker {
  readonly isProxied = true;
  readonly ports: readonly number[];
  readonly faults = ['pubsub', 'normal'].map((type) => ({
    name: `redis-kill-${type}`,
    run: () => this.#line.killClients(type),
  }));
  readonly dataFaults = [
    { name: 'flush-all', run: () => this.#flush() },
    { name: 'older-snapshot', run: ({ random }: BrokerScene) => this.#loadSnapshot(random) },
    { name: 'older-files', run: ({ random }: BrokerScene) => this.#loadFiles(random) },
    { name: 'lagging-failover', run: (scene: BrokerScene) => this.#failOver(scene) },
  ];
  readonly #guard: Guard;
  readonly #members: Member[] = [];
  #port: number;
  #folder: string;
  #member: Member;
  #line: RedisLine;
  /** Names of folders differ by it. */
  #folders = 0;

  private constructor(guard: Guard, port: number) {
    this.#guard = guard;
    this.ports = [port];
    this.#port = port;
    this.#folder = this.#newFolder();
    this.#member = this.#makeMember();
    this.#line = new RedisLine(port);
  }

  /** Not started. */
  static async create(guard: Guard): Promise<OneRedis> {
    return new OneRedis(guard, await freePort());
  }

  urlOf([port = this.#port]: readonly number[]): string {
    return `redis://127.0.0.1:${port}`;
  }

  start(): Promise<void> {
    return this.#member.start();
  }

  crash(_random: SeededRandom, downMs: number): Promise<void> {
    return crash(this.#member, downMs);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop()));
  }

  async #flush(): Promise<void> {
    // Functions are no data and stay; the run goes on.
    await this.#line.call('FLUSHALL');
  }

  /** A server without a log of commands: what came after its snapshot is gone. */
  async #loadSnapshot(random: SeededRandom): Promise<void> {
    await this.#line.call('SAVE');
    await sleep(timeToLose(random));
    await this.#member.kill();
    rmSync(join(this.#folder, 'appendonlydir'), { recursive: true });
    this.#member = this.#makeMember(['--appendonly', 'no']);
    await this.#member.start();
    await this.#line.call('CONFIG', 'SET', 'appendonly', 'yes');
  }

  /** Somebody restores a backup. */
  async #loadFiles(random: SeededRandom): Promise<void> {
    const backup = this.#newFolder();
    cpSync(this.#folder, backup, { recursive: true });
    await sleep(timeToLose(random));
    await this.#member.kill();
    this.#folder = backup;
    this.#member = this.#makeMember();
    await this.#member.start();
  }

  /** A replica that has not got the newest takes over. */
  async #failOver({ random, redirect }: BrokerScene): Promise<void> {
    const link = new LinkProxy(this.#port);
    await link.listen();
    const primary = this.#member;
    const port = await freePort();
    const line = new RedisLine(port);
    this.#folder = this.#newFolder();
    this.#port = port;
    this.#member = this.#makeMember(['--replicaof', `127.0.0.1 ${link.port}`]);
    try {
      await this.#member.start();
      const isInSync = async (): Promise<boolean> =>
        String(await line.call('INFO', 'replication')).includes('master_link_status:up');
      await waitFor(isInSync, { what: 'the replica follows', deadlineMs: syncMsMax });
      link.swallow();
      await sleep(timeToLose(random));
      await primary.kill();
      await line.call('REPLICAOF', 'NO', 'ONE');
    } finally {
      await link.close();
    }
    this.#line = line;
    for (const known of this.ports) redirect(known, port);
  }

  #newFolder(): string {
    this.#folders += 1;
    return join(this.#guard.folder, `redis-${this.#folders}`);
  }

  #makeMember(args: readonly string[] = []): Member {
    const member = redisMember(this.#guard, { port: this.#port, folder: this.#folder, args });
    this.#members.push(member);
    return member;
  }
}
