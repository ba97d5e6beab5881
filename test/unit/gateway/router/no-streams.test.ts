/** A gateway without streams says so, whatever it is asked of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NoStreams } from '../../../../gateway/router/no-streams.ts';

test('no streams: every question fails with not-a-stream, naming the destination', async () => {
  const streams = new NoStreams();
  const group = { kind: 'group', name: 'g' } as const;
  for (const asked of [
    streams.history('chat', group),
    streams.info('chat', group),
    streams.purge('chat', group),
  ]) {
    const message =
      "'group:g' of hub 'chat' is no stream; let a rule of hubs.chat.streams match it";
    await assert.rejects(asked, { code: 'not-a-stream', message });
  }
  await assert.rejects(streams.purge('chat', { kind: 'all' }), /^GatewayError: 'all' of hub/);
});
