/** Redis servers that belong together: a cluster, and a primary with replicas and sentinels. */
import { startRedis, type RedisServer } from './redis.ts';
import { waitFor } from './wait.ts';

const slotCount = 16_384;
const keysPerMove = 100;
const moveTimeoutMs = 5000;

export interface RedisCluster {
  readonly url: string;
  readonly primaries: readonly RedisServer[];
  /** One per primary, or none. */
  readonly replicas: readonly RedisServer[];
  stop(): Promise<void>;
}

/** Three primaries, each with a replica where asked for. */
export async function startRedisCluster({ hasReplicas = false } = {}): Promise<RedisCluster> {
  const lines = [
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    'cluster-node-timeout 1000',
    'cluster-require-full-coverage no',
    'repl-diskless-sync-delay 0',
  ];
  const start = (): Promise<RedisServer> => startRedis({ lines });
  const primaries = [await start(), await start(), await start()];
  const replicas = hasReplicas ? [await start(), await start(), await start()] : [];
  const all = [...primaries, ...replicas];
  const [first = primaries[0]] = primaries;
  for (const [index, server] of all.entries()) {
    const admin = server.admin();
    await admin.cluster('SET-CONFIG-EPOCH', index + 1);
    if (server !== first) await admin.cluster('MEET', '127.0.0.1', first?.port ?? 0);
  }
  for (const [index, server] of primaries.entries()) {
    const from = Math.floor((index * slotCount) / 3);
    const to = Math.floor(((index + 1) * slotCount) / 3) - 1;
    await server.admin().call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
  }
  const isWhole = async (): Promise<boolean> => {
    const infos = await Promise.all(all.map((one) => one.admin().cluster('INFO')));
    return infos.every(
      (info) =>
        info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${all.length}`),
    );
  };
  await waitFor(isWhole, { what: 'the cluster is whole', deadlineMs: 30_000 });
  for (const [index, replica] of replicas.entries()) {
    const primary = primaries[index];
    const id = (await primary?.admin().cluster('MYID')) ?? '';
    await replica.admin().cluster('REPLICATE', id);
  }
  if (hasReplicas) {
    // Until all know all, no replica is voted for.
    await waitFor(async () => (await Promise.all(all.map(knowsReplicas))).every(Boolean), {
      what: 'every node knows every replica',
      deadlineMs: 30_000,
    });
  }
  return {
    url: `redis+cluster://${primaries.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    primaries,
    replicas,
    stop: async () => {
      await Promise.all(all.map((server) => server.stop()));
    },
  };
}

async function knowsReplicas(server: RedisServer): Promise<boolean> {
  const rows = listOf(await server.admin().cluster('SLOTS'));
  const info = await server.admin().info('replication');
  // From slot, to slot, primary, replica.
  const isComplete = rows.every((row) => listOf(row).length === 4);
  return isComplete && (info.includes('role:master') || info.includes('master_link_status:up'));
}

/** Moves a slot and its keys by the cluster's own commands, as a resharding tool does. */
export async function moveSlot(
  cluster: RedisCluster,
  slot: number,
  to: RedisServer,
): Promise<void> {
  const id = await to.admin().cluster('MYID');
  const from = await ownerOf(cluster, slot);
  await to.admin().cluster('SETSLOT', slot, 'IMPORTING', await from.admin().cluster('MYID'));
  await from.admin().cluster('SETSLOT', slot, 'MIGRATING', id);
  for (;;) {
    const names = await from.admin().cluster('GETKEYSINSLOT', slot, keysPerMove);
    if (names.length === 0) break;
    const target = ['127.0.0.1', String(to.port), '', '0', String(moveTimeoutMs)];
    await from.admin().call('MIGRATE', ...target, 'KEYS', ...names);
  }
  // The new owner first: it tells the others, and must not learn from them that it is not.
  const others = cluster.primaries.filter((server) => server !== to);
  for (const server of [to, ...others]) {
    await server.admin().cluster('SETSLOT', slot, 'NODE', id);
  }
}

/** The primary that has a slot. */
export async function ownerOf(cluster: RedisCluster, slot: number): Promise<RedisServer> {
  const [asked] = cluster.primaries;
  const reply: unknown = await asked?.admin().cluster('SLOTS');
  for (const row of listOf(reply)) {
    const [from, to, node] = listOf(row);
    if (Number(from) > slot || Number(to) < slot) continue;
    const [, port] = listOf(node);
    const owner = cluster.primaries.find((one) => one.port === Number(port));
    if (owner !== undefined) return owner;
  }
  throw new Error(`nobody has slot ${slot}`);
}

export interface RedisSentinels {
  readonly url: string;
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  stop(): Promise<void>;
}

/** A primary, a replica and three sentinels that call it `mymaster` and fail over fast. */
export async function startRedisSentinels(): Promise<RedisSentinels> {
  const primary = await startRedis({ lines: ['repl-diskless-sync-delay 0'] });
  const replica = await startRedis({ lines: [`replicaof 127.0.0.1 ${primary.port}`] });
  await waitFor(async () => (await replica.admin().info()).includes('master_link_status:up'), {
    what: 'the replica follows its primary',
  });
  const sentinels: RedisServer[] = [];
  for (let index = 0; index < 3; index += 1) {
    sentinels.push(
      await startRedis({
        isSentinel: true,
        lines: [
          `sentinel monitor mymaster 127.0.0.1 ${primary.port} 2`,
          'sentinel down-after-milliseconds mymaster 500',
          'sentinel failover-timeout mymaster 2000',
        ],
      }),
    );
  }
  for (const sentinel of sentinels) {
    await waitFor(
      async () => {
        // An error, as long as there are too few.
        const quorum: unknown = await sentinel
          .admin()
          .call('SENTINEL', 'CKQUORUM', 'mymaster')
          .catch(() => '');
        const replicas: unknown = await sentinel.admin().call('SENTINEL', 'REPLICAS', 'mymaster');
        return String(quorum).includes('3 usable') && listOf(replicas).length > 0;
      },
      { what: 'the sentinels know each other and the replica', deadlineMs: 30_000 },
    );
  }
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/mymaster`,
    primary,
    replica,
    sentinels,
    stop: async () => {
      await Promise.all([primary, replica, ...sentinels].map((server) => server.stop()));
    },
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
