/** The memory store of streams against the suite of all stores. */
import { MemoryBackplane, MemoryBroker } from '../../backplanes/memory/memory-backplane.ts';
import { MemoryStreamStore } from '../../backplanes/memory/memory-stream-store.ts';
import { streamStoreConformance, type StorePlace } from './stream-store-suite.ts';

streamStoreConformance('memory', {
  open: () => {
    const broker = new MemoryBroker();
    const place = (): StorePlace => ({
      store: new MemoryStreamStore(broker.streams),
      backplane: new MemoryBackplane(broker),
    });
    const [a, b] = [place(), place()];
    return Promise.resolve({
      a,
      b,
      close: async () => {
        await Promise.all(
          [a, b].flatMap(({ backplane, store }) => [store.close(), backplane.close()]),
        );
      },
    });
  },
});

streamStoreConformance('memory beside another backplane', {
  open: () => {
    const [broker, streams] = [new MemoryBroker(), new MemoryBroker().streams];
    const place = (): StorePlace => ({
      store: new MemoryStreamStore(streams, false),
      backplane: new MemoryBackplane(broker),
    });
    const [a, b] = [place(), place()];
    return Promise.resolve({
      a,
      b,
      close: async () => {
        await Promise.all(
          [a, b].flatMap(({ backplane, store }) => [store.close(), backplane.close()]),
        );
      },
    });
  },
});
