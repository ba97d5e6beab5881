/** The memory backplane against the suite of all backplanes. */
import { MemoryBackplane, MemoryBroker } from '../../backplanes/memory/memory-backplane.ts';
import { backplaneConformance } from './backplane-suite.ts';

backplaneConformance('memory', {
  open: async () => {
    const broker = new MemoryBroker();
    const a = new MemoryBackplane(broker);
    const b = new MemoryBackplane(broker);
    return {
      a,
      b,
      close: async () => {
        await Promise.all([a.close(), b.close()]);
      },
    };
  },
});
