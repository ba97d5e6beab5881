/** Memory of an idle connection that has authenticated, has a user and is in one group. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ChildServer } from '../child-server.ts';
import { collectGarbage } from '../inspector.ts';
import type { BenchOptions } from '../options.ts';
import { memoryDifference, readMemory, type MemoryReading } from '../proc.ts';
import type { Progress, Section } from '../report.ts';
import { loadServer, withServer } from '../run-load.ts';
import { median, spread } from '../statistics.ts';
import { formatKiB, formatNumber, formatShare, formatTable } from '../table.ts';
import type { Target } from '../target.ts';
import { chooseTargets } from '../targets.ts';

const groupSize = 10;
const warmupConnections = 500;
const settleMs = 1500;

export interface IdleRun {
  readonly target: string;
  readonly connections: number;
  /** Bytes per connection; kernel figures hold both ends of the loopback connection. */
  readonly rssAsConnected: number;
  readonly rssAfterGc: number;
  /** Undefined where the server has no V8. */
  readonly heapAfterGc: number | undefined;
  readonly tcpBuffers: number;
  readonly slab: number;
}

interface Reading extends MemoryReading {
  readonly heapBytes: number | undefined;
}

/** One fresh server: warm-up, collection, reading; connect, reading, collection, reading. */
export async function runIdle(target: Target, connections: number): Promise<IdleRun> {
  const isInspected = (target.collection ?? 'inspector') === 'inspector';
  return await withServer(target, isInspected, async (server) => {
    const load = {
      target,
      generator: { hold: true, connectRate: 3000, inFlight: 64, limit: 120 },
    };
    // First connections load code and fill caches once; that is no memory per connection.
    const warmup = { connections: warmupConnections, groupSize, join: true };
    await loadServer(server, { ...load, clients: warmup });
    await delay(settleMs);
    const before = await readAfterGc(server, target);
    const readings: { asConnected?: MemoryReading; after?: Reading } = {};
    const clients = { connections, groupSize, join: true };
    await loadServer(
      server,
      { ...load, clients },
      {
        onReady: async () => {
          await delay(settleMs);
          readings.asConnected = readMemory(server.pid);
          readings.after = await readAfterGc(server, target);
        },
      },
    );
    const { asConnected, after } = readings;
    if (asConnected === undefined || after === undefined) throw new Error('no reading was taken');
    const difference = memoryDifference(after, before);
    return {
      target: target.name,
      connections,
      rssAsConnected: (asConnected.rssBytes - before.rssBytes) / connections,
      rssAfterGc: difference.rssBytes / connections,
      heapAfterGc: perConnection(after.heapBytes, before.heapBytes, connections),
      tcpBuffers: difference.tcpBytes / connections,
      slab: difference.slabBytes / connections,
    };
  });
}

async function readAfterGc(server: ChildServer, target: Target): Promise<Reading> {
  const heapBytes = await collect(server, target);
  await delay(settleMs);
  return { ...readMemory(server.pid), heapBytes };
}

/** Resolves with the size of V8's heap afterwards, where there is one. */
async function collect(server: ChildServer, target: Target): Promise<number | undefined> {
  const { collection = 'inspector' } = target;
  if (collection === 'nothing') return undefined;
  if (collection === 'request') {
    const response = await fetch(`http://127.0.0.1:${String(server.port)}/collect`);
    await response.body?.cancel();
    return undefined;
  }
  if (server.inspectorUrl === undefined) throw new Error('the server has no inspector');
  return (await collectGarbage(server.inspectorUrl)).usedBytes;
}

function perConnection(
  after: number | undefined,
  before: number | undefined,
  connections: number,
): number | undefined {
  return after === undefined || before === undefined ? undefined : (after - before) / connections;
}

/** All targets that keep connections apart in memory; alternated. */
export async function measureIdle(options: BenchOptions, progress: Progress): Promise<Section> {
  const targets = chooseTargets(options.targets.filter((name) => name !== 'topics-deferred'));
  const runs: IdleRun[] = [];
  const connections = options.idleConnections;
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const target of targets) {
      const run = await runIdle(target, connections);
      runs.push(run);
      progress(`idle ${run.target}: ${formatKiB(run.rssAfterGc)} KiB per connection after GC`);
    }
  }
  const rows = targets.map(({ name }) => {
    const own = runs.filter(({ target }) => target === name);
    const middle = (pick: (run: IdleRun) => number | undefined): string =>
      formatKiB(median(own.flatMap((run) => pick(run) ?? [])));
    return [
      name,
      middle((run) => run.rssAfterGc),
      formatShare(spread(own.map((run) => run.rssAfterGc))),
      middle((run) => run.heapAfterGc),
      middle((run) => run.rssAsConnected),
      middle((run) => run.tcpBuffers),
      middle((run) => run.slab),
    ];
  });
  return {
    title: 'Memory of an idle connection',
    method:
      `${formatNumber(connections)} connections, each with a user and in one group of ` +
      `${String(groupSize)} (the gateway's also with a verified token of their own), after ` +
      `${String(warmupConnections)} connections that came and went. Median of ` +
      `${String(options.repeats)} runs, KiB per connection; a garbage collection is forced through ` +
      'the inspector before and after.',
    table: formatTable(
      ['server', 'process', 'spread', 'V8 heap', 'before GC', 'TCP buffers', 'kernel slab'],
      rows,
    ),
    notes: [
      'Kernel figures are differences of the whole machine and hold both ends of each loopback ' +
        "connection, the generator's included: about half is the server's.",
    ],
    runs,
  };
}
