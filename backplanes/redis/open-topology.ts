/** Puts together what a URL asks for. */
import { ChannelNames } from './channels.ts';
import { ClientFactory } from './client.ts';
import { ClusterTopology } from './cluster-topology.ts';
import { FixedTopology } from './fixed-topology.ts';
import { Link, type LinkEvents } from './link.ts';
import { addressText, type RedisAddress, type RedisUrl } from './redis-url.ts';
import type { RedisCounters, RedisSettings } from './settings.ts';
import { SentinelWatch } from './sentinel-watch.ts';
import { SlotReader } from './slot-reader.ts';
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
  const factory = new ClientFactory(url);
  switch (url.mode) {
    case 'cluster':
      return openCluster(url, factory, options);
    case 'sentinel':
      return openSentinel(url, factory, options);
    case 'single':
    case 'shards': {
      const channels = new ChannelNames(prefixOf(url, options), 0, options.nonce);
      const links = url.servers.map((address) =>
        openLink(address, addressText(address), { url, factory, options, channels }),
      );
      return new FixedTopology(links, channels);
    }
  }
}

interface LinkParts {
  readonly url: RedisUrl;
  readonly factory: ClientFactory;
  readonly options: TopologyOptions;
  readonly channels: ChannelNames;
  readonly onMoved?: LinkEvents['onMoved'];
}

function prefixOf(url: RedisUrl, options: TopologyOptions): string {
  return url.prefix ?? options.settings.prefix;
}

/** @param address undefined: the primary that the sentinels name. */
function openLink(address: RedisAddress | undefined, server: string, parts: LinkParts): Link {
  const { url, factory, options, channels } = parts;
  const { settings, counters, events } = options;
  const { connectTimeoutMs } = settings;
  const prefix = prefixOf(url, options);
  const isSharded = parts.onMoved !== undefined;
  return new Link({
    server,
    create: (role) => factory.create(address, { connectTimeoutMs, name: `${prefix}-${role}` }),
    isSharded,
    countsReceivers: !isSharded,
    mayDisagree: address === undefined,
    channels,
    settings,
    counters,
    events: { ...events, onMoved: parts.onMoved ?? (() => false) },
  });
}

function openSentinel(url: RedisUrl, factory: ClientFactory, options: TopologyOptions): Topology {
  const channels = new ChannelNames(prefixOf(url, options), 0, options.nonce);
  const name = `${url.primaryName} of ${url.servers.map(addressText).join(', ')}`;
  const link = openLink(undefined, name, { url, factory, options, channels });
  const { connectTimeoutMs, random } = options.settings;
  const watch = new SentinelWatch({
    sentinels: url.servers,
    primaryName: url.primaryName,
    create: (address) =>
      factory.createForSentinel(address, { connectTimeoutMs, name: prefixOf(url, options) }),
    connectTimeoutMs,
    random,
    onSwitch: () => link.renew('the sentinels named another primary'),
  });
  return new FixedTopology([link], channels, watch);
}

function openCluster(url: RedisUrl, factory: ClientFactory, options: TopologyOptions): Topology {
  const { settings, nonce } = options;
  const partitions = url.partitions ?? settings.partitions;
  const channels = new ChannelNames(prefixOf(url, options), partitions, nonce);
  const timeoutMs = Math.min(settings.connectTimeoutMs, slotReadTimeoutMs);
  const client = { connectTimeoutMs: timeoutMs, name: `${prefixOf(url, options)}-slots` };
  const topology: ClusterTopology = new ClusterTopology({
    channels,
    name: url.servers.map(addressText).join(', '),
    startTimeoutMs: settings.connectTimeoutMs,
    reader: new SlotReader({
      seeds: url.servers,
      create: (address) => factory.create(address, client),
      timeoutMs,
    }),
    linkTo: (address) =>
      openLink(address, addressText(address), {
        url,
        factory,
        options,
        channels,
        onMoved: (message, publish) => topology.moved(message, publish),
      }),
  });
  return topology;
}

/** Short: there are other nodes to ask. */
const slotReadTimeoutMs = 1000;
