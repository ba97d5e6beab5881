/** A Redis server as a program of the loss test. */
import { mkdirSync } from 'node:fs';
import type { Guard } from '../../bench/cluster/guard.ts';
import { Member } from '../../bench/cluster/member.ts';
import { speaks } from '../../bench/cluster/probes.ts';

export interface RedisMemberOptions {
  readonly port: number;
  /** Made when it is not there. */
  readonly folder: string;
  readonly args?: readonly string[];
}

/** A server that has written what it acknowledges to a file: it survives `kill -9`. */
export function redisMember(guard: Guard, { port, folder, args = [] }: RedisMemberOptions): Member {
  mkdirSync(folder, { recursive: true });
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
