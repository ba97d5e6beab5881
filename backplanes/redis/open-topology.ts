/** Puts together what a URL asks for. */
import { ChannelNames } from './channels.ts';
import { ClientFactory } from './client.ts';
import { FixedTopology } from './fixed-topology.ts';
import { Link, type LinkEvents } from './link.ts';
import { addressText, type RedisAddress, type RedisUrl } from './redis-url.ts';
import type { RedisCounters, RedisSettings } from './settings.ts';
import type { Topology } from './topology.ts';

export interface TopologyOptions {
  readonly settings: RedisSettings;
  readonly counters: RedisCounters;
  /** Unique per start of the node. */
  readonly nonce: string;
  readonly events: Omit<LinkEvents, 'onMoved'>;
}

/** Nothing is connected yet. */
export function openTopology(url: RedisUrl, options: TopologyOptions): Topology {
  const { settings, counters, nonce, events } = options;
  const prefix = url.prefix ?? settings.prefix;
  const factory = new ClientFactory(url);
  const { connectTimeoutMs } = settings;
  const channels = new ChannelNames(prefix, 0, nonce);
  const linkTo = (address: RedisAddress | undefined, server: string): Link =>
    new Link({
      server,
      create: (role) => factory.create(address, { connectTimeoutMs, name: `${prefix}-${role}` }),
      isSharded: false,
      countsReceivers: true,
      mayDisagree: address === undefined,
      channels,
      settings,
      counters,
      events: { ...events, onMoved: () => false },
    });
  const links =
    url.mode === 'sentinel'
      ? [linkTo(undefined, `${url.primaryName} of ${url.servers.map(addressText).join(', ')}`)]
      : url.servers.map((address) => linkTo(address, addressText(address)));
  return new FixedTopology(links, channels);
}
