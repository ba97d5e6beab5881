/** Handlers that say who is in a group, or connected to the hub, on all nodes. */
import type { PresenceDestination } from '../protocol/presence-model.ts';
import { memberObject } from '../protocol/reply-objects.ts';
import { shown } from '../protocol/shown.ts';
import type { HttpResponse } from '../transport/transport.ts';
import { json, type Call, type Handler, type RestPorts } from './call.ts';
import { InvalidArgument } from './errors.ts';

export const groupPresence: Handler = (call, ports) =>
  presence(call, ports, { kind: 'group', name: call.group });

export const hubPresence: Handler = (call, ports) => presence(call, ports, { kind: 'all' });

async function presence(
  { hub, query }: Call,
  { directory }: RestPorts,
  to: PresenceDestination,
): Promise<HttpResponse> {
  const isCounted = isCountsView(query.text('view'));
  const { connections, members } = await directory.attendance(hub, to);
  const userIds = members?.flatMap(({ userId }) => (userId === undefined ? [] : [userId]));
  const users = userIds === undefined ? undefined : new Set(userIds).size;
  if (isCounted) return json(200, { connections, users });
  return json(200, {
    connections,
    users,
    members: members?.map(memberObject) ?? [],
    isComplete: members !== undefined,
  });
}

function isCountsView(view: string | undefined): boolean {
  if (view === undefined || view === 'members') return false;
  if (view === 'counts') return true;
  throw new InvalidArgument('view', `view must be members or counts, got ${shown(view)}.`);
}
