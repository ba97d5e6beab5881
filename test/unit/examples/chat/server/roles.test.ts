/** What the roles of a person open: looked at as the gateway looks at them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rolesOf } from '../../../../../examples/chat/server/roles.ts';
import type { Room } from '../../../../../examples/chat/shared/schema.ts';
import { PermissionsTable } from '../../../../../gateway/protocol/roles.ts';

const table = new PermissionsTable({ nameLengthMax: 1024, entriesMax: 10 });

const watch: Room = {
  conversation: 'private.watch',
  name: 'Watch desk',
  purpose: '',
  isPrivate: true,
  members: ['anna'],
};

describe('roles of the chat', () => {
  test('roles: own conversations may be joined and written to, others not', () => {
    const permissions = table.permissionsFromRoles(rolesOf('anna', [watch]));
    const own = ['room.harbour', 'dm.anna.ben', 'dm.aaron.anna', 'private.watch'];
    const foreign = ['dm.ben.carla', 'private.board', 'dm.anna.ben.more', 'sync.ben'];
    for (const name of own) {
      assert.ok(permissions.allows('joinLeaveGroup', name), name);
      assert.ok(permissions.allows('sendToGroup', name), name);
      assert.ok(permissions.allows('sendToGroup', `typing.${name}`), name);
    }
    for (const name of foreign) {
      assert.ok(!permissions.allows('joinLeaveGroup', name), name);
      assert.ok(!permissions.allows('sendToGroup', name), name);
    }
  });

  test("roles: marks and the word to other devices are the backend's alone", () => {
    const permissions = table.permissionsFromRoles(rolesOf('anna', [watch]));
    for (const name of ['marks.room.harbour', 'marks.dm.anna.ben', 'sync.anna']) {
      assert.ok(permissions.allows('joinLeaveGroup', name), name);
      assert.ok(!permissions.allows('sendToGroup', name), name);
    }
  });
});
