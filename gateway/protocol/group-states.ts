/**
 * Who is there in Azure's words (Azure §3.5): group state. It lists members that said something of
 * themselves; one that takes it back, or leaves, is an item without a state.
 */
import type { ClientState, PresenceMember, PresenceNotice } from './presence-model.ts';

export interface GroupStates {
  readonly group: string;
  /** True: a snapshot. */
  readonly isWhole: boolean;
  readonly items: readonly GroupStateItem[];
}

export interface GroupStateItem {
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly state: ClientState | undefined;
  /** Ms since 1970. */
  readonly updatedAt: number;
}

/** undefined: there is nothing of it that Azure's clients could be told. */
export function groupStatesOf(notice: PresenceNotice): GroupStates | undefined {
  const { change, to } = notice;
  if (to.kind !== 'group' || change === 'counts') return undefined;
  const group = to.name;
  if (change === 'snapshot') return { group, isWhole: true, items: itemsOf(notice.members, true) };
  const left = notice.left.map((member) => ({ ...member, state: undefined }));
  const items = [
    ...itemsOf(notice.set, false),
    ...itemsOf(left, false).map((item) => ({ ...item, updatedAt: notice.atMs })),
  ];
  return items.length === 0 ? undefined : { group, isWhole: false, items };
}

function itemsOf(members: readonly PresenceMember[], onlyStates: boolean): GroupStateItem[] {
  return members.flatMap(({ connectionId, state, stateAtMs, userId }) => {
    if (stateAtMs === undefined || (onlyStates && state === undefined)) return [];
    return [{ connectionId, userId, state, updatedAt: stateAtMs }];
  });
}
