/** The streams of worker processes, over message ports, against the suite of all stores. */
import { PortBackplane } from '../../backplanes/memory/port-backplane.ts';
import { PortBroker } from '../../backplanes/memory/port-broker.ts';
import { PortStreamStore } from '../../backplanes/memory/port-stream-store.ts';
import { openPortPair, openStreamPortPair } from '../support/message-ports.ts';
import { streamStoreConformance, type StorePlace } from './stream-store-suite.ts';

streamStoreConformance('memory over ports', {
  open: () => {
    const broker = new PortBroker();
    const links: { close(): void }[] = [];
    const openPlace = (): StorePlace => {
      const envelopes = openPortPair();
      const requests = openStreamPortPair();
      broker.attach(envelopes.parent);
      broker.attachStreams(requests.parent);
      links.push(envelopes, requests);
      return {
        store: new PortStreamStore({ port: requests.worker, publishesLive: true }),
        backplane: new PortBackplane({ port: envelopes.worker }),
      };
    };
    const [a, b] = [openPlace(), openPlace()];
    return Promise.resolve({
      a,
      b,
      close: async () => {
        await Promise.all(
          [a, b].flatMap(({ backplane, store }) => [store.close(), backplane.close()]),
        );
        for (const link of links) link.close();
      },
    });
  },
});
