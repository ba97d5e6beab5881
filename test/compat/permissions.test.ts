/** What roles of the token let a client do, and what changes while it is connected. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SendMessageError, type WebPubSubClient } from '@azure/web-pubsub-client';
import { startSdkClient } from '../support/sdk-client.ts';
import { clientProtocols, newService, rejection, useGateway } from './suite.ts';

const gateway = useGateway();

/** True: it was done. False: it was refused as Forbidden. Anything else fails the test. */
async function isAllowed(operation: Promise<unknown>): Promise<boolean> {
  const [outcome] = await Promise.allSettled([operation]);
  if (outcome.status === 'fulfilled') return true;
  assert.ok(outcome.reason instanceof SendMessageError);
  assert.equal(outcome.reason.errorDetail?.name, 'Forbidden');
  return false;
}

const operations = {
  join: (client: WebPubSubClient, group: string) => client.joinGroup(group),
  leave: (client: WebPubSubClient, group: string) => client.leaveGroup(group),
  send: (client: WebPubSubClient, group: string) => client.sendToGroup(group, 'x', 'text'),
};

/** Which of the operations the roles allow on the group: letters of `jls`. */
async function rights(client: WebPubSubClient, group: string): Promise<string> {
  let letters = '';
  for (const [name, operation] of Object.entries(operations)) {
    if (await isAllowed(operation(client, group))) letters += name[0] ?? '';
  }
  return letters;
}

interface RoleCase {
  readonly roles: readonly string[];
  /** Group to what is allowed on it. */
  readonly groups: Readonly<Record<string, string>>;
}

const cases: readonly RoleCase[] = [
  { roles: [], groups: { a: '' } },
  { roles: ['webpubsub.joinLeaveGroup'], groups: { a: 'jl', 'b/c': 'jl' } },
  { roles: ['webpubsub.sendToGroup'], groups: { a: 's' } },
  { roles: ['webpubsub.joinLeaveGroup.a', 'webpubsub.sendToGroup.b'], groups: { a: 'jl', b: 's' } },
  { roles: ['webpubsub.sendToGroup.a'], groups: { a: 's', A: '', ab: '', 'a.b': '' } },
  { roles: ['webpubsub.joinLeaveGroup.room.*'], groups: { 'room.*': 'jl', 'room.1': '' } },
  {
    roles: ['webpubsub.joinLeaveGroups.room.*', 'webpubsub.sendToGroups.room.?'],
    groups: { 'room.1': 'jls', 'room.12': 'jl', 'room.1.x': '', room: '', 'Room.1': '' },
  },
  {
    roles: ['webpubsub.sendToGroups.team.**'],
    groups: { 'team.a': 's', 'team.a.b.c': 's', 'teams.a': '' },
  },
  { roles: [String.raw`webpubsub.sendToGroups.a\*b?`], groups: { 'a*bc': 's', axbc: '' } },
  // More than five stars are no pattern, and grant nothing.
  { roles: ['webpubsub.sendToGroups.******'], groups: { a: '' } },
  { roles: ['webpubsub.conquerTheWorld', 'WEBPUBSUB.SENDTOGROUP', ''], groups: { a: '' } },
];

for (const protocol of clientProtocols) {
  describe(`permissions over ${protocol.name}`, () => {
    for (const { roles, groups } of cases) {
      test(`roles: ${JSON.stringify(roles)} allow ${JSON.stringify(groups)}`, async (t) => {
        const token = { roles: [...roles] };
        const { client } = await startSdkClient(t, newService(gateway()), { protocol, token });
        const seen: Record<string, string> = {};
        for (const group of Object.keys(groups)) seen[group] = await rights(client, group);
        assert.deepEqual(seen, groups);
      });
    }

    test('groups of the token: they need no role, and it takes one to leave them', async (t) => {
      const service = newService(gateway());
      const token = { roles: [], groups: ['a', 'b', 'a'] };
      const { client, groupMessages } = await startSdkClient(t, service, { protocol, token });
      await service.group('a').sendToAll('to a');
      await service.group('b').sendToAll('to b');
      const messages = await groupMessages.take(2);
      assert.deepEqual(
        messages.map(({ data }) => data),
        ['to a', 'to b'],
      );
      assert.equal(await rights(client, 'a'), '');
    });

    test('groups by the server: a connection without a role may be put into one', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol, token: { roles: [] } });
      await service.group('g').addConnection(anna.connectionId);
      await service.group('g').sendToAll('hello');
      assert.equal((await anna.groupMessages.next()).data, 'hello');
    });

    test('grant and revoke: each changes its permission and its group, at once', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol, token: { roles: [] } });
      const ben = await startSdkClient(t, service, { protocol, token: { roles: [] } });
      const { client, connectionId } = anna;
      const target = { targetName: 'a/ü %2F' };
      await service.grantPermission(connectionId, 'sendToGroup', target);
      assert.equal(await rights(client, 'a/ü %2F'), 's');
      assert.equal(await rights(client, 'b'), '');
      assert.equal(await rights(ben.client, 'a/ü %2F'), '');
      await service.grantPermission(connectionId, 'joinLeaveGroup');
      assert.equal(await rights(client, 'b'), 'jl');
      await service.revokePermission(connectionId, 'joinLeaveGroup', target);
      // Taking back one group takes nothing from the permission for all.
      assert.equal(await rights(client, 'a/ü %2F'), 'jls');
      await service.revokePermission(connectionId, 'joinLeaveGroup');
      assert.equal(await rights(client, 'a/ü %2F'), 's');
      await service.revokePermission(connectionId, 'sendToGroup', target);
      assert.equal(await rights(client, 'a/ü %2F'), '');
    });

    test('grant: it belongs to the connection and ends with it', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol, token: { roles: [] } });
      await service.grantPermission(anna.connectionId, 'sendToGroup');
      assert.equal(await rights(anna.client, 'a'), 's');
      await service.closeConnection(anna.connectionId);
      const { connectionId } = await anna.reconnects.next();
      assert.equal(await service.hasPermission(connectionId, 'sendToGroup'), false);
      assert.equal(await rights(anna.client, 'a'), '');
    });

    test('hasPermission: patterns and names of the token answer for their groups', async (t) => {
      const service = newService(gateway());
      const token = { roles: ['webpubsub.sendToGroups.room.*', 'webpubsub.joinLeaveGroup.x'] };
      const { connectionId } = await startSdkClient(t, service, { protocol, token });
      const asked = [
        ['sendToGroup', 'room.1', true],
        ['sendToGroup', 'room.1.2', false],
        ['joinLeaveGroup', 'x', true],
        ['joinLeaveGroup', 'room.1', false],
      ] as const;
      for (const [permission, targetName, expected] of asked) {
        const has = await service.hasPermission(connectionId, permission, { targetName });
        assert.equal(has, expected, `${permission} ${targetName}`);
      }
    });

    test('grantPermission: a connection that is not there is 404', async () => {
      const service = newService(gateway());
      const error = await rejection(service.grantPermission('not there', 'sendToGroup'));
      const { code, message, statusCode } = error as Record<string, unknown>;
      assert.deepEqual(
        { code, message, statusCode },
        { code: 'not-found', message: 'There is no such connection.', statusCode: 404 },
      );
    });
  });
}
