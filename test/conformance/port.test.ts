/** The backplane of worker processes, over message ports, against the suite of all backplanes. */
import { PortBackplane } from '../../backplanes/memory/port-backplane.ts';
import { PortBroker } from '../../backplanes/memory/port-broker.ts';
import { openPortPair } from '../support/message-ports.ts';
import { backplaneConformance } from './backplane-suite.ts';

backplaneConformance('memory over ports', {
  open: () => {
    const broker = new PortBroker();
    const links = [openPortPair(), openPortPair()] as const;
    for (const { parent } of links) broker.attach(parent);
    const [a, b] = [
      new PortBackplane({ port: links[0].worker }),
      new PortBackplane({ port: links[1].worker }),
    ];
    return Promise.resolve({
      a,
      b,
      close: async () => {
        await Promise.all([a.close(), b.close()]);
        for (const link of links) link.close();
      },
    });
  },
});
