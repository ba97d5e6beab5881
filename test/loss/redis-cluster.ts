/** Three Redis primaries that share the slots, without replicas. */
import { join } from 'node:path';
import type { Guard } from '../../bench/cluster/guard.ts';
import { freePort } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';
import { crash, type BrokerFault, type LossBroker } from './loss-broker.ts';
import { redisMember } from './redis-member.ts';
import { RedisLine } from './redis-line.ts';

const primaries = 3;
const slotCount = 16_384;
const movedSlots = 30;
const formMsMax = 30_000;

/** Not started. */
export async function redisCluster(guard: Guard): Promise<LossBroker> {
  const ports: number[] = [];
  while (ports.length < primaries) {
    const port = await freePort();
    if (!ports.includes(port)) ports.push(port);
  }
  const servers = ports.map((port) => {
    const folder = join(guard.folder, `redis-${port}`);
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'];
    return redisMember(guard, {
      port,
      folder,
      args: [...args, '--cluster-require-full-coverage', 'no'],
    });
  });
  const lines = ports.map((port) => new RedisLine(port));
  const kills = ['pubsub', 'normal'].map((type): BrokerFault => ({
    name: `redis-kill-${type}`,
    run: async () => {
      await Promise.all(lines.map((line) => line.killClients(type)));
    },
  }));
  const migration: BrokerFault = {
    name: 'slot-migration',
    run: async ({ random }) => {
      for (let count = 0; count < movedSlots; count += 1) {
        await moveSlot(lines, random.below(slotCount), random.pick(lines));
      }
    },
  };
  return {
    ports,
    isProxied: false,
    urlOf: () => `redis+cluster://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`,
    faults: [...kills, migration],
    dataFaults: [],
    start: async () => {
      await Promise.all(servers.map((server) => server.start()));
      await form(lines);
    },
    crash: async (random, downMs) => {
      await crash(random.pick(servers), downMs);
      await waitFor(() => isWhole(lines), { what: 'the cluster is whole', deadlineMs: formMsMax });
    },
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function form(lines: readonly RedisLine[]): Promise<void> {
  const [first] = lines;
  for (const [index, line] of lines.entries()) {
    await line.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    if (first !== undefined && line !== first) {
      await line.call('CLUSTER', 'MEET', '127.0.0.1', first.port);
    }
    const from = Math.floor((index * slotCount) / primaries);
    const to = Math.floor(((index + 1) * slotCount) / primaries) - 1;
    await line.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
  }
  await waitFor(() => isWhole(lines), { what: 'the cluster is whole', deadlineMs: formMsMax });
}

async function isWhole(lines: readonly RedisLine[]): Promise<boolean> {
  const infos = await Promise.all(
    lines.map((line) => line.call('CLUSTER', 'INFO').catch(() => '')),
  );
  return infos.every(
    (info) =>
      String(info).includes('cluster_state:ok') &&
      String(info).includes(`cluster_slots_ok:${slotCount}`),
  );
}

/** Moves a slot with its keys, as a resharding tool does. */
async function moveSlot(lines: readonly RedisLine[], slot: number, to: RedisLine): Promise<void> {
  const ids = new Map<string, RedisLine>();
  for (const line of lines) ids.set(String(await line.call('CLUSTER', 'MYID')), line);
  const targetId = [...ids].find(([, line]) => line === to)?.[0] ?? '';
  const owner = await ownerOf(ids, slot);
  if (owner === undefined || owner.line === to) return;
  const { line: from, id: sourceId } = owner;
  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId);
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId);
  for (;;) {
    const keys = await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 100);
    if (!Array.isArray(keys) || keys.length === 0) break;
    await from.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys.map(String));
  }
  // The new owner first: it tells the others, and must not learn from them that it is not.
  for (const line of [to, from, ...lines.filter((each) => each !== to && each !== from)]) {
    await line.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
  }
}

async function ownerOf(
  ids: ReadonlyMap<string, RedisLine>,
  slot: number,
): Promise<{ readonly id: string; readonly line: RedisLine } | undefined> {
  const [asked] = ids.values();
  const rows: unknown = await asked?.call('CLUSTER', 'SLOTS');
  for (const row of Array.isArray(rows) ? rows : []) {
    // From slot, to slot, primary: address, port, id.
    const [from, to, node] = row as readonly [number, number, readonly [string, number, string]];
    const line = ids.get(node[2]);
    if (from <= slot && slot <= to && line !== undefined) return { id: node[2], line };
  }
  return undefined;
}
