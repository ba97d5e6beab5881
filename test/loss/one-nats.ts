/** One NATS server with JetStream, which keeps its streams in files. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Guard } from '../../bench/cluster/guard.ts';
import { Member } from '../../bench/cluster/member.ts';
import { speaks } from '../../bench/cluster/probes.ts';
import { freePort } from '../support/redis.ts';
import { crash, type LossBroker } from './loss-broker.ts';

/** Not started. */
export async function oneNats(guard: Guard): Promise<LossBroker> {
  const port = await freePort();
  const folder = join(guard.folder, 'nats');
  mkdirSync(folder);
  const server = new Member({
    command: {
      name: 'nats-server',
      command: 'nats-server',
      args: ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', folder],
    },
    guard,
    isReady: () => speaks(port, '', 'INFO '),
    onDeath: () => undefined,
  });
  return {
    ports: [port],
    isProxied: true,
    urlOf: ([proxyPort = port]) => `nats://127.0.0.1:${proxyPort}`,
    faults: [],
    start: () => server.start(),
    crash: (_random, downMs) => crash(server, downMs),
    stop: () => server.stop(),
  };
}
