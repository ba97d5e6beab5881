/** How connections of the published client end, and come back. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startTestGateway } from '../support/gateway.ts';
import { startSdkClient } from '../support/sdk-client.ts';
import { waitFor } from '../support/wait.ts';
import { clientProtocols, groupDataUntilEnd, newService, useGateway } from './suite.ts';

const gateway = useGateway();

for (const protocol of clientProtocols) {
  describe(`client over ${protocol.name}`, () => {
    test('client: it comes back after the server closed it, with the groups it had joined', async (t) => {
      const service = newService(gateway());
      const token = { userId: 'anna', groups: ['of the token'] };
      const anna = await startSdkClient(t, service, { protocol, token });
      await anna.client.joinGroup('a');
      await anna.client.joinGroup('b');
      await anna.client.joinGroup('left');
      await anna.client.leaveGroup('left');
      await service.closeConnection(anna.connectionId, { reason: 'moved' });

      const goodbye = await anna.disconnects.next();
      assert.equal(goodbye.connectionId, anna.connectionId);
      assert.equal(goodbye.message?.message, 'moved');
      const again = await anna.reconnects.next();
      assert.notEqual(again.connectionId, anna.connectionId);
      assert.equal(again.userId, 'anna');

      assert.equal(await service.groupExists('left'), false);
      for (const group of ['of the token', 'a', 'b']) await service.group(group).sendToAll(group);
      await service.group('a').sendToAll('end');
      assert.deepEqual(await groupDataUntilEnd(anna), ['of the token', 'a', 'b']);
      await anna.client.sendToGroup('b', 'still there', 'text');
      assert.equal((await anna.groupMessages.next()).data, 'still there');
      assert.deepEqual(anna.failedRejoins.unread, []);
    });

    test('client: it comes back outside of its groups where it does not want to rejoin', async (t) => {
      const service = newService(gateway());
      const options = { protocol, autoRejoinGroups: false };
      const anna = await startSdkClient(t, service, options);
      await anna.client.joinGroup('a');
      await service.closeConnection(anna.connectionId);
      assert.equal((await anna.disconnects.next()).message?.message, 'ClosedByAppServer');
      await anna.reconnects.next();
      assert.equal(await service.groupExists('a'), false);
    });

    test('client: it hears which groups it may not rejoin', async (t) => {
      const service = newService(gateway());
      const token = { roles: ['webpubsub.joinLeaveGroup.a'] };
      const anna = await startSdkClient(t, service, { protocol, token });
      await anna.client.joinGroup('a');
      await service.grantPermission(anna.connectionId, 'joinLeaveGroup', { targetName: 'b' });
      await anna.client.joinGroup('b');
      await service.closeConnection(anna.connectionId);
      const { error, group } = await anna.failedRejoins.next();
      assert.equal(group, 'b');
      assert.equal(error.name, 'SendMessageError');
      await anna.reconnects.next();
      assert.equal(await service.groupExists('a'), true);
    });

    test('client: it stays away where it does not want to reconnect', async (t) => {
      const service = newService(gateway());
      const anna = await startSdkClient(t, service, { protocol, autoReconnect: false });
      await service.closeConnection(anna.connectionId);
      await anna.stops.next();
      await anna.client.start();
      const again = await anna.reconnects.next();
      assert.equal(await service.connectionExists(again.connectionId), true);
    });

    test('client: it finds the gateway again after a restart', async (t) => {
      const first = await startTestGateway();
      t.after(() => first.stop());
      const service = newService(first);
      const anna = await startSdkClient(t, service, { protocol });
      await anna.client.joinGroup('a');
      await first.stop();
      const goodbye = await anna.disconnects.next();
      assert.match(goodbye.message?.message ?? '', /going away/);
      const second = await startTestGateway({ port: first.gateway.port });
      t.after(() => second.stop());
      await anna.reconnects.next();
      await service.group('a').sendToAll('after the restart');
      assert.equal((await anna.groupMessages.next()).data, 'after the restart');
    });

    test('client: its pings are answered and keep it connected', async (t) => {
      const service = newService(gateway());
      const pongs = { count: 0 };
      const counting = {
        name: protocol.name,
        isReliableSubProtocol: protocol.isReliableSubProtocol,
        writeMessage: protocol.writeMessage.bind(protocol),
        parseMessages: (input: string | ArrayBuffer | Buffer) => {
          const messages = protocol.parseMessages(input);
          const list = Array.isArray(messages) ? messages : [messages];
          pongs.count += list.filter((message) => message?.kind === 'pong').length;
          return messages;
        },
      };
      const anna = await startSdkClient(t, service, {
        protocol: counting,
        keepAliveIntervalInMs: 5,
        keepAliveTimeoutInMs: 1500,
      });
      await waitFor(() => pongs.count >= 3, { what: 'three pings are answered' });
      assert.equal(await service.connectionExists(anna.connectionId), true);
      assert.deepEqual(anna.disconnects.unread, []);
    });
  });
}
