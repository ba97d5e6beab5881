/** Two joined server processes and their broker, and what the generator must say to them. */
import { rmSync, writeFileSync } from 'node:fs';
import { signClientToken } from '../../../gateway/tokens/sign.ts';
import { startCluster } from '../../cluster/cluster.ts';
import type { BackplaneName } from '../../cluster/options.ts';
import { ChildServer, findPort } from '../child-server.ts';
import type { GeneratorOptions } from '../generator.ts';
import { centrifugoPair } from '../../peers/centrifugo-target.ts';
import { startPair } from '../../peers/pair.ts';
import { wsPair } from '../../peers/ws-target.ts';
import { compiledPath, inRepository } from '../paths.ts';
import type { CrossServers, CrossTarget } from './target.ts';

export const crossTargetNames = [
  'gateway-redis',
  'gateway-nats',
  'socket.io-redis',
  'ws-redis',
  'centrifugo-redis',
  'centrifugo-whole-redis',
  'centrifugo-whole-nats',
] as const;
export type CrossTargetName = (typeof crossTargetNames)[number];

/** Those that need nothing but this project's packages and the brokers. */
export const usualCrossTargets = ['gateway-redis', 'gateway-nats', 'socket.io-redis'] as const;

const hub = 'bench';

const starts: Readonly<Record<CrossTargetName, CrossTarget['start']>> = {
  'gateway-redis': (pairs) => startGateways('redis', pairs),
  'gateway-nats': (pairs) => startGateways('nats', pairs),
  'socket.io-redis': startSocketIo,
  'ws-redis': wsPair.start,
  'centrifugo-redis': centrifugoPair('engine', 'redis').start,
  'centrifugo-whole-redis': centrifugoPair('whole', 'redis').start,
  'centrifugo-whole-nats': centrifugoPair('whole', 'nats').start,
};

/** The targets of these names, in the order of the names. */
export function crossTargets(names: readonly CrossTargetName[]): readonly CrossTarget[] {
  return names.map((name) => ({ name, start: starts[name] }));
}

async function startGateways(backplane: BackplaneName, pairs: number): Promise<CrossServers> {
  const cluster = await startCluster({
    backplane,
    nodes: 2,
    nginx: false,
    // The bound against storms would only delay the start.
    env: { TRUNKLINE_UPGRADES_PER_SECOND_MAX: '1000000' },
  });
  const [first, second] = cluster.nodes;
  const { broker, accessKey } = cluster;
  if (first === undefined || second === undefined || broker === undefined) {
    await cluster.stop();
    throw new Error(`a cluster on ${backplane} must have two nodes and a broker`);
  }
  const path = (endpoint: string, userId: string, role: string): string => {
    const roles = [`webpubsub.${role}`];
    const token = signClientToken({ accessKey, endpoint, hub, userId, roles });
    return `/client/hubs/${hub}?access_token=${token}`;
  };
  const numbers = Array.from({ length: pairs }, (_, i) => String(i));
  const paths = [
    ...numbers.map((i) => path(second.url, `receiver${i}`, 'joinLeaveGroup')),
    ...numbers.map((i) => path(first.url, `sender${i}`, 'sendToGroup')),
  ];
  const pathsFile = inRepository(`.cache/bench/paths-${String(process.pid)}`);
  writeFileSync(pathsFile, `${paths.join('\n')}\n`, { mode: 0o600 });
  return {
    pids: [first.pid, second.pid, broker.process.pid],
    brokerUrl: broker.url,
    options: {
      ...portsOf(first.url, second.url),
      pathsFile,
      protocol: 'json.webpubsub.azure.v1',
      // Clients of this subprotocol address groups only: a group of one stands for the user.
      init: ['{"type":"joinGroup","group":"pair{i}","ackId":1}'],
      ready: '"success":true',
      fail: '"success":false',
      publisherReady: '"event":"connected"',
      message: '{"type":"sendToGroup","group":"pair{i}","dataType":"json","data":"{payload}"}',
    },
    stop: async () => {
      rmSync(pathsFile, { force: true });
      await cluster.stop();
    },
  };
}

async function startSocketIo(): Promise<CrossServers> {
  return await startPair('redis', async ({ url }) => await startSocketIoServer(url), {
    socketIo: true,
    ready: '40{',
    fail: '44{',
    path: '/socket.io/?EIO=4&transport=websocket&user=receiver{i}',
    publisherPath: '/socket.io/?EIO=4&transport=websocket&user=sender{i}',
    message: '42["to","receiver{i}","{payload}"]',
  });
}

async function startSocketIoServer(redisUrl: string): Promise<ChildServer> {
  const port = await findPort();
  const file = compiledPath('servers/socketio-cluster-server.js');
  const args = [file, String(port), redisUrl];
  return await ChildServer.start({ name: 'socket.io', port, inspect: false, args });
}

function portsOf(first: string, second: string): GeneratorOptions {
  return { port: Number(new URL(second).port), publisherPort: Number(new URL(first).port) };
}
