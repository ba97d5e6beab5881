/** The Azure backplane against the suite of all backplanes, with a Trunkline gateway as Azure. */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { AzureBackplane } from '../../backplanes/azure/azure-backplane.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { backplaneConformance, type BackplanePair } from './backplane-suite.ts';

describe('Trunkline in the role of Azure Web PubSub', () => {
  let service: TestGateway | undefined;
  let hubs = 0;

  before(async () => {
    service = await startTestGateway();
  });

  after(async () => {
    await service?.stop();
    assert.deepEqual(service?.errors, []);
  });

  function open(shards: number): BackplanePair {
    hubs += 1;
    const url = `azure://?hub=nodes${hubs}&shards=${shards}`;
    const connectionString = service?.connectionString;
    const a = new AzureBackplane(url, { connectionString });
    const b = new AzureBackplane(url, { connectionString });
    return {
      a,
      b,
      close: async () => {
        await Promise.all([a.close(), b.close()]);
      },
    };
  }

  backplaneConformance('azure', { open: async () => open(64) });
  // All keys in one group: whatever is told apart is told apart by this adapter.
  backplaneConformance('azure with one shard', { open: async () => open(1) });
});
