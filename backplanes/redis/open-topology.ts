/** Puts together what a URL asks for. */
import { ChannelNames } from './channels.ts';
import { ClientFactory } from './client.ts';
import { ClusterTopology } from './cluster-topology.ts';
import { FixedTopology } from './fixed-topology.ts';
import { addressText, type RedisAddress, type RedisUrl } from './redis-url.ts';
import { SentinelWatch } from './sentinel-watch.ts';
import type { MakeLink, OnMoved, ServerLink } from './server-link.ts';
import type { RedisSettings } from './settings.ts';
import { SlotReader } from './slot-reader.ts';
import type { Topology } from './topology.ts';

export interface TopologyOptions<L extends ServerLink> {
  readonly settings: Pick<RedisSettings, 'connectTimeoutMs' | 'partitions' | 'prefix' | 'random'>;
  /** Unique per start of the node. */
  readonly nonce: string;
  readonly makeLink: MakeLink<L>;
}

/** Nothing is connected yet. */
export function openTopology<L extends ServerLink>(
  url: RedisUrl,
  options: TopologyOptions<L>,
): Topology<L> {
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

interface Parts<L extends ServerLink> {
  readonly url: RedisUrl;
  readonly factory: ClientFactory;
  readonly options: TopologyOptions<L>;
  readonly channels: ChannelNames;
  readonly onMoved?: OnMoved;
}

function prefixOf(url: RedisUrl, options: TopologyOptions<ServerLink>): string {
  return url.prefix ?? options.settings.prefix;
}

/** @param address undefined: the primary that the sentinels name. */
function openLink<L extends ServerLink>(
  address: RedisAddress | undefined,
  server: string,
  { url, factory, options, channels, onMoved }: Parts<L>,
): L {
  const { connectTimeoutMs } = options.settings;
  const prefix = prefixOf(url, options);
  return options.makeLink({
    server,
    create: (role) => factory.create(address, { connectTimeoutMs, name: `${prefix}-${role}` }),
    isSharded: onMoved !== undefined,
    mayDisagree: address === undefined,
    channels,
    onMoved: onMoved ?? (() => false),
  });
}

function openSentinel<L extends ServerLink>(
  url: RedisUrl,
  factory: ClientFactory,
  options: TopologyOptions<L>,
): Topology<L> {
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

function openCluster<L extends ServerLink>(
  url: RedisUrl,
  factory: ClientFactory,
  options: TopologyOptions<L>,
): Topology<L> {
  const { settings, nonce } = options;
  const partitions = url.partitions ?? settings.partitions;
  const channels = new ChannelNames(prefixOf(url, options), partitions, nonce);
  const timeoutMs = Math.min(settings.connectTimeoutMs, slotReadTimeoutMs);
  const client = { connectTimeoutMs: timeoutMs, name: `${prefixOf(url, options)}-slots` };
  const topology: ClusterTopology<L> = new ClusterTopology({
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
        onMoved: (message, command) => topology.moved(message, command),
      }),
  });
  return topology;
}

/** Short: there are other nodes to ask. */
const slotReadTimeoutMs = 1000;
