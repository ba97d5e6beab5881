/** Everything that is done to a cluster while it works. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { FarmProcess } from './farm-process.ts';
import type { BrokerFault } from './loss-broker.ts';
import type { LossCluster } from './loss-cluster.ts';

export interface FaultScene {
  readonly cluster: LossCluster;
  readonly farms: readonly FarmProcess[];
  readonly random: SeededRandom;
  /** True: faults that take long are kept short. */
  readonly isShort: boolean;
}

type Run = (scene: FaultScene) => Promise<void>;

export interface Fault {
  readonly name: string;
  /** Resolves when what was done is undone: what ended runs again, what was cut is open. */
  readonly run: Run;
}

export interface FaultWindow {
  readonly name: string;
  readonly from: number;
  readonly until: number;
}

/** A number of ms from `min` to below `max`. */
function between(random: SeededRandom, min: number, max: number): number {
  return min + random.below(max - min);
}

async function killNode({ cluster, random }: FaultScene): Promise<void> {
  const node = random.pick(cluster.nodes);
  await node.kill();
  await sleep(between(random, 0, 2000));
  await cluster.startNode(node);
}

async function stopNode({ cluster, isShort, random }: FaultScene): Promise<void> {
  const node = random.pick(cluster.nodes);
  node.signal('SIGSTOP');
  await sleep(isShort ? between(random, 2000, 4000) : between(random, 5000, 15_000));
  node.signal('SIGCONT');
}

async function restartNodes({ cluster }: FaultScene): Promise<void> {
  for (const node of cluster.nodes) {
    await node.kill('SIGTERM');
    await cluster.startNode(node);
  }
}

async function crashBroker({ cluster, random }: FaultScene): Promise<void> {
  await cluster.broker.crash(random, between(random, 0, 2000));
}

async function cutBroker({ cluster, random }: FaultScene): Promise<void> {
  for (let count = 0; count < 3; count += 1) {
    const chosen = random.below(2) === 0 ? cluster.brokerLinks : [random.pick(cluster.brokerLinks)];
    for (const link of chosen.flat()) link.cut();
    await sleep(between(random, 100, 800));
  }
}

/** One node hears nothing of the broker for a while, then all of it. */
async function holdBroker({ cluster, isShort, random }: FaultScene): Promise<void> {
  const links = random.pick(cluster.brokerLinks);
  for (const link of links) link.hold();
  await sleep(between(random, 1000, isShort ? 3000 : 8000));
  for (const link of links) link.heal();
}

/** One node hears nothing of the broker any more, until its connections are cut. */
async function swallowBroker({ cluster, isShort, random }: FaultScene): Promise<void> {
  const links = random.pick(cluster.brokerLinks);
  for (const link of links) link.swallow();
  await sleep(between(random, 1000, isShort ? 3000 : 8000));
  for (const link of links) link.heal();
}

async function delayBroker({ cluster, random }: FaultScene): Promise<void> {
  for (const link of random.pick(cluster.brokerLinks)) link.delay(between(random, 50, 300));
  await sleep(between(random, 2000, 4000));
  for (const link of cluster.brokerLinks.flat()) link.heal();
}

async function cutClients({ cluster, random }: FaultScene): Promise<void> {
  for (let count = 0; count < 3; count += 1) {
    cluster.clientLink.cut();
    await sleep(between(random, 200, 1500));
  }
}

/** Long enough for the clients to notice by themselves. */
async function swallowClients({ cluster, random }: FaultScene): Promise<void> {
  cluster.clientLink.swallow();
  await sleep(between(random, 6500, 8000));
  cluster.clientLink.heal();
}

async function delayClients({ cluster, random }: FaultScene): Promise<void> {
  cluster.clientLink.delay(between(random, 100, 400));
  await sleep(between(random, 2000, 4000));
  cluster.clientLink.heal();
}

async function slowClients({ farms, isShort, random }: FaultScene): Promise<void> {
  const ms = between(random, 2000, isShort ? 3000 : 8000);
  for (const farm of farms) {
    const slow = farm.userIds.filter(() => random.below(4) === 0);
    farm.pause(slow, ms);
  }
  await sleep(ms);
}

const nodeFaults: readonly Fault[] = [
  { name: 'kill-node', run: killNode },
  { name: 'stop-node', run: stopNode },
  { name: 'rolling-restart', run: restartNodes },
  { name: 'cut-clients', run: cutClients },
  { name: 'swallow-clients', run: swallowClients },
  { name: 'delay-clients', run: delayClients },
  { name: 'slow-clients', run: slowClients },
  { name: 'crash-broker', run: crashBroker },
];

const linkFaults: readonly Fault[] = [
  { name: 'cut-broker', run: cutBroker },
  { name: 'hold-broker', run: holdBroker },
  { name: 'swallow-broker', run: swallowBroker },
  { name: 'delay-broker', run: delayBroker },
];

/** All that can be done to this cluster without a loss of data, or only those with these names. */
export function faultsOf(cluster: LossCluster, names?: readonly string[]): readonly Fault[] {
  const links = cluster.brokerLinks.length > 0 ? linkFaults : [];
  const own = cluster.broker.faults.map((fault) => faultOfBroker(fault));
  return chosen([...nodeFaults, ...links, ...own], names);
}

/**
 * The faults by which the broker loses what it has acknowledged, or only those with these names; each
 * while clients stay, and while they come and go.
 */
export function dataFaultsOf(cluster: LossCluster, names?: readonly string[]): readonly Fault[] {
  const own = cluster.broker.dataFaults.map((fault) => faultOfBroker(fault));
  return chosen(
    own.flatMap((fault) => [fault, amongCuts(fault)]),
    names,
  );
}

/** Every client meets the fault also as one that comes back. */
function amongCuts({ name, run }: Fault): Fault {
  return {
    name: `${name}-among-cuts`,
    run: async (scene) => {
      const cut = setInterval(() => scene.cluster.clientLink.cut(), cutPeriodMs);
      try {
        await run(scene);
        await sleep(cutPeriodMs * 2);
      } finally {
        clearInterval(cut);
      }
    },
  };
}

const cutPeriodMs = 700;

function faultOfBroker(fault: BrokerFault): Fault {
  return {
    name: fault.name,
    run: ({ cluster, random }) =>
      fault.run({ random, redirect: (port, to) => cluster.redirect(port, to) }),
  };
}

function chosen(all: readonly Fault[], names?: readonly string[]): readonly Fault[] {
  return (names ?? all.map(({ name }) => name)).map((name) => {
    const fault = all.find((each) => each.name === name);
    if (fault !== undefined) return fault;
    const known = all.map(({ name }) => name).join(', ');
    throw new Error(`--faults must be some of ${known}, got "${name}"`);
  });
}

/** In random order, all of them before any comes again. */
export function* shuffledForEver(faults: readonly Fault[], random: SeededRandom): Generator<Fault> {
  while (faults.length > 0) {
    const left = [...faults];
    while (left.length > 0) {
      const [fault] = left.splice(random.below(left.length), 1);
      if (fault !== undefined) yield fault;
    }
  }
}
