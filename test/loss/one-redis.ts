/** One Redis server that writes what it acknowledges to a file. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Guard } from '../../bench/cluster/guard.ts';
import { Member } from '../../bench/cluster/member.ts';
import { speaks } from '../../bench/cluster/probes.ts';
import { freePort } from '../support/redis.ts';
import { crash, type LossBroker } from './loss-broker.ts';
import { RedisLine } from './redis-line.ts';

/** Not started. */
export async function oneRedis(guard: Guard): Promise<LossBroker> {
  const port = await freePort();
  const folder = join(guard.folder, 'redis');
  mkdirSync(folder);
  const server = redisMember(guard, { port, folder });
  const line = new RedisLine(port);
  return {
    ports: [port],
    isProxied: true,
    urlOf: ([proxyPort = port]) => `redis://127.0.0.1:${proxyPort}`,
    faults: ['pubsub', 'normal'].map((type) => ({
      name: `redis-kill-${type}`,
      run: () => line.killClients(type),
    })),
    start: () => server.start(),
    crash: (_random, downMs) => crash(server, downMs),
    stop: () => server.stop(),
  };
}

export interface RedisMemberOptions {
  readonly port: number;
  readonly folder: string;
  readonly args?: readonly string[];
}

/** A server that has written what it acknowledges to a file: it survives `kill -9`. */
export function redisMember(guard: Guard, { port, folder, args = [] }: RedisMemberOptions): Member {
  const durable = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  return new Member({
    command: {
      name: `redis-server ${port}`,
      command: 'redis-server',
      args: [...place, ...durable, '--loglevel', 'warning', ...args],
    },
    guard,
    // While it loads its data it answers something else.
    isReady: () => speaks(port, 'PING\r\n', '+PONG'),
    onDeath: () => undefined,
  });
}
