/** One NATS server with JetStream, which keeps its streams in files, and the ways to lose those. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guard } from '../../bench/cluster/guard.ts';
import { Member } from '../../bench/cluster/member.ts';
import { speaks } from '../../bench/cluster/probes.ts';
import { freePort } from '../support/redis.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { JetStreamLine } from './jetstream-line.ts';
import { crash, timeToLose, type BrokerScene, type LossBroker } from './loss-broker.ts';

export class OneNats implements LossBroker {
  readonly isProxied = true;
  readonly ports: readonly number[];
  readonly faults = [];
  readonly dataFaults = [
    { name: 'purge', run: () => this.#ofEach('PURGE') },
    { name: 'delete', run: () => this.#ofEach('DELETE') },
    { name: 'older-files', run: ({ random }: BrokerScene) => this.#loadFiles(random) },
  ];
  readonly #guard: Guard;
  readonly #members: Member[] = [];
  readonly #port: number;
  readonly #line: JetStreamLine;
  #folder: string;
  #member: Member;

  private constructor(guard: Guard, port: number) {
    this.#guard = guard;
    this.#port = port;
    this.ports = [port];
    this.#line = new JetStreamLine(port);
    this.#folder = join(guard.folder, 'nats');
    this.#member = this.#makeMember();
  }

  /** Not started. */
  static async create(guard: Guard): Promise<OneNats> {
    return new OneNats(guard, await freePort());
  }

  urlOf([port = this.#port]: readonly number[]): string {
    return `nats://127.0.0.1:${port}`;
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

  async #ofEach(what: 'PURGE' | 'DELETE'): Promise<void> {
    for (const name of await this.#line.names()) await this.#line.ask(`${what}.${name}`);
  }

  /** Somebody restores a backup, which was made of a server that stood still. */
  async #loadFiles(random: SeededRandom): Promise<void> {
    const backup = join(this.#guard.folder, `nats-${this.#members.length}`);
    await this.#member.kill();
    cpSync(this.#folder, backup, { recursive: true });
    await this.#member.start();
    await sleep(timeToLose(random));
    await this.#member.kill();
    this.#folder = backup;
    this.#member = this.#makeMember();
    await this.#member.start();
  }

  #makeMember(): Member {
    mkdirSync(this.#folder, { recursive: true });
    const port = String(this.#port);
    const member = new Member({
      command: {
        name: 'nats-server',
        command: 'nats-server',
        args: ['--addr', '127.0.0.1', '--port', port, '--jetstream', '--store_dir', this.#folder],
      },
      guard: this.#guard,
      isReady: () => speaks(this.#port, '', 'INFO '),
      onDeath: () => undefined,
    });
    this.#members.push(member);
    return member;
  }
}
