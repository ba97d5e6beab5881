/** The JetStream store against the suite of all stores: old and current server, and a cluster. */
import { randomUUID } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { NatsBackplane } from '../../backplanes/nats/nats-backplane.ts';
import { NatsStreamStore } from '../../backplanes/nats/streams/nats-stream-store.ts';
import { currentNats, freePort, installedNats, NatsServer } from '../support/nats.ts';
import { jetStreamCluster, jetStreamConfig, StoreFolder } from '../support/nats-streams.ts';
import {
  streamStoreConformance,
  type StorePlace,
  type StreamStorePair,
} from './stream-store-suite.ts';

function placeOn(url: string): StorePlace {
  return { store: new NatsStreamStore(url), backplane: new NatsBackplane(url) };
}

function pairOn(urlA: string, urlB: string, query: string): StreamStorePair {
  const options = `?prefix=t${randomUUID()}${query}`;
  const [a, b] = [placeOn(urlA + options), placeOn(urlB + options)];
  return {
    a,
    b,
    close: async () => {
      await Promise.all(
        [a, b].flatMap(({ backplane, store }) => [backplane.close(), store.close()]),
      );
    },
  };
}

for (const program of [installedNats(), currentNats()]) {
  const { missing, name, path = '' } = program;

  describe(name, { skip: missing }, () => {
    const folder = new StoreFolder();
    let server: NatsServer | undefined;
    before(async () => {
      const config = jetStreamConfig(folder.path);
      server = await new NatsServer(path, await freePort(), config).start();
    });
    after(async () => {
      await server?.stop();
      folder.remove();
    });

    const url = (): string => server?.url ?? '';
    streamStoreConformance(name, { open: async () => pairOn(url(), url(), '') });
  });

  describe(`cluster of ${name}`, { skip: missing }, () => {
    let urls: readonly string[] = [];
    let stop: () => Promise<void> = () => Promise.resolve();
    before(async () => {
      const cluster = await jetStreamCluster(path);
      urls = cluster.servers.map((server) => server.url);
      ({ stop } = cluster);
    });
    after(() => stop());

    streamStoreConformance(`cluster of ${name}`, {
      open: async () => pairOn(urls[0] ?? '', urls[1] ?? '', '&replicas=3'),
    });
  });
}
