/** The broker of a cluster: a server of its own for each, on loopback, that forgets when it ends. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayNode, type GatewayNodeOptions } from './gateway-node.ts';
import { Member, type MemberOptions } from './member.ts';
import type { BackplaneName } from './options.ts';
import { speaks } from './probes.ts';

export interface Broker {
  /** As TRUNKLINE_BACKPLANE takes it. */
  readonly url: string;
  /** Further settings that its nodes need. */
  readonly env: Readonly<Record<string, string>>;
  readonly process: Member;
}

export interface BrokerOptions extends Pick<MemberOptions, 'guard' | 'onDeath'> {
  readonly port: number;
  readonly accessKey: string;
}

/** Not started yet; undefined for the backplane that needs none. */
export function brokerOf(name: BackplaneName, options: BrokerOptions): Broker | undefined {
  switch (name) {
    case 'memory':
      return undefined;
    case 'redis':
      return redis(options);
    case 'nats':
      return nats(options);
    case 'azure':
      return azure(options);
  }
}

function redis({ port, guard, onDeath }: BrokerOptions): Broker {
  const folder = join(guard.folder, 'redis');
  mkdirSync(folder);
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const process = new Member({
    command: {
      name: 'redis-server',
      command: 'redis-server',
      args: [...args, '--save', '', '--appendonly', 'no', '--loglevel', 'warning'],
    },
    guard,
    // While it loads its data it answers something else.
    isReady: () => speaks(port, 'PING\r\n', '+PONG'),
    onDeath,
  });
  return { url: `redis://127.0.0.1:${String(port)}`, env: {}, process };
}

function nats({ port, guard, onDeath }: BrokerOptions): Broker {
  const folder = join(guard.folder, 'nats');
  mkdirSync(folder);
  const process = new Member({
    command: {
      name: 'nats-server',
      command: 'nats-server',
      args: ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', folder],
    },
    guard,
    isReady: () => speaks(port, '', 'INFO '),
    onDeath,
  });
  return { url: `nats://127.0.0.1:${String(port)}`, env: {}, process };
}

/** A gateway speaks the protocol of Azure Web PubSub, so it can play the service for the others. */
function azure(options: BrokerOptions): Broker {
  const { accessKey } = options;
  const settings: GatewayNodeOptions = {
    ...options,
    name: 'azure hub',
    endpoints: [],
    backplane: 'memory:',
    workers: 1,
    page: false,
    env: {},
  };
  const hub = new GatewayNode(settings);
  const connection = `Endpoint=${hub.url};AccessKey=${accessKey};Version=1.0;`;
  const env = { TRUNKLINE_AZURE_CONNECTION_STRING: connection };
  return { url: 'azure://', env, process: hub.process };
}
