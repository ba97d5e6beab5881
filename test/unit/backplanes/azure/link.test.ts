/** Holds the link to the service to its promises: tokens and pauses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Link } from '../../../../backplanes/azure/link.ts';
import { defaultAzureSettings, newAzureCounters } from '../../../../backplanes/azure/settings.ts';
import { FakeWebPubSub } from '../../../support/fake-web-pubsub.ts';
import { waitFor } from '../../../support/wait.ts';

test('link: every connection has a token of its own', async (t) => {
  const fake = await FakeWebPubSub.start();
  t.after(() => fake.stop());
  let made = 0;
  let ups = 0;
  const link = new Link({
    service: {
      host: fake.host,
      clientUrl: async () => {
        made += 1;
        return `ws://${fake.host}/client/hubs/h?access_token=token${made}`;
      },
      nodes: async () => [],
    },
    settings: { ...defaultAzureSettings, random: () => 0 },
    counters: newAzureCounters(),
    onData: () => undefined,
    restore: async () => undefined,
    onUp: () => {
      ups += 1;
    },
    onDown: () => undefined,
  });
  t.after(() => link.close());
  await link.start();
  for (let count = 2; count <= 3; count += 1) {
    fake.hangUp(1001, 'an update');
    await waitFor(() => ups === count, { what: `connection ${count} is up` });
  }
  assert.deepEqual(fake.tokens, ['token1', 'token2', 'token3']);
});
