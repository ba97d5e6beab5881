/**
 * Every node of a cluster leaves and is replaced, again and again, while messages keep arriving and
 * clients stay away for a while: by seed, every connection goes on and nothing is lost.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disorderOf, World, type MovingClient, type WorldNode } from './world.ts';

const seeds = Number(process.env['TAKE_OVER_SEEDS'] ?? 60);
const seedsPerTest = 20;
const firstSeed = Number(process.env['TAKE_OVER_FIRST_SEED'] ?? 1);
const rounds = 4;
const clientsPerSeed = 3;
const stepMs = 10;
/** Some come back at once, some only when their node has long gone. */
const awayMsMax = 3000;

class Deploy {
  readonly #world: World;
  readonly #clients: readonly MovingClient[];
  /** When those who are away come back. */
  readonly #returns = new Map<MovingClient, number>();

  constructor(world: World, clients: readonly MovingClient[]) {
    this.#world = world;
    this.#clients = clients;
  }

  /** Until it is over, messages arrive and clients come back. */
  async while(work: Promise<unknown>): Promise<void> {
    const state = { isOver: false };
    void work.finally(() => {
      state.isOver = true;
    });
    while (!state.isOver) await this.#step();
    await work;
  }

  async for(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) await this.#step();
  }

  async #step(): Promise<void> {
    const { random } = this.#world;
    if (random.below(3) === 0) this.#world.publish();
    for (const client of this.#clients) {
      if (random.below(8) === 0) this.#world.publishTo(client);
      this.#move(client);
    }
    await this.#world.pass(stepMs);
  }

  #move(client: MovingClient): void {
    const { clock, random } = this.#world;
    if (!client.isAway) {
      this.#returns.delete(client);
      if (random.below(10) === 0) client.acknowledge();
      return;
    }
    const now = clock.monotonicMs();
    const at = this.#returns.get(client);
    if (at === undefined) this.#returns.set(client, now + random.below(awayMsMax));
    else if (now >= at) client.resume(this.#world.ready());
  }
}

async function run(seed: number): Promise<number> {
  const world = await World.start(seed, { lossPercent: 0 });
  const clients: MovingClient[] = [];
  while (clients.length < clientsPerSeed) clients.push(await world.client());
  const deploy = new Deploy(world, clients);
  for (let round = 0; round < rounds; round += 1) {
    const leaving: WorldNode = world.any();
    await deploy.while(world.drain(leaving));
    await deploy.for(world.random.below(500));
    await deploy.while(world.add());
    await deploy.for(world.random.below(500));
  }
  const context = `seed ${seed}`;
  const isSettled = (): boolean => {
    for (const client of clients) if (client.isAway) client.resume(world.ready());
    return clients.every(({ isServed }) => isServed);
  };
  await world.until(isSettled, 20_000);
  await world.pass(1000);
  const wanted = (client: MovingClient): string[] => [...world.published, ...client.direct];
  for (const client of clients) {
    assert.equal(client.isRefused, false, `${context}: refused`);
    assert.deepEqual(client.faults, [], context);
    assert.equal(disorderOf(client.texts), undefined, context);
    const missing = wanted(client).filter((text) => !client.texts.includes(text));
    assert.deepEqual(missing, [], `${context}: lost`);
  }
  return clients.reduce((sum, client) => sum + client.resumes, 0);
}

describe('rolling restart', () => {
  for (let from = 0; from < seeds; from += seedsPerTest) {
    const first = firstSeed + from;
    const last = firstSeed + Math.min(seeds, from + seedsPerTest) - 1;
    test(`rolling restart: seeds ${first} to ${last} lose nothing and refuse nobody`, async (t) => {
      let resumes = 0;
      for (let seed = first; seed <= last; seed += 1) resumes += await run(seed);
      t.diagnostic(`${resumes} resumes`);
      assert.ok(resumes > 0);
    });
  }
});
