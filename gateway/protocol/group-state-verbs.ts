/** The commands of Azure's group state (Azure §3.5): its words for who is there and says what. */
import type { FrameVerbs } from './frame-verbs.ts';
import type { Command } from './model.ts';
import type { ClientState } from './presence-model.ts';
import type { Verbs } from './verb-table.ts';

/** @param state of the frame that was read last; undefined: it has none, which clears it. */
export function groupStateVerbs(
  common: Pick<FrameVerbs, 'group' | 'ackId'>,
  state: () => ClientState | undefined,
): Verbs {
  const watch = (kind: 'watchPresence' | 'unwatchPresence'): Command => {
    return { kind, to: { kind: 'group', name: common.group() }, ackId: common.ackId() };
  };
  return {
    setGroupState: () => {
      return { kind: 'setState', group: common.group(), state: state(), ackId: common.ackId() };
    },
    subscribeGroupState: () => watch('watchPresence'),
    unsubscribeGroupState: () => watch('unwatchPresence'),
  };
}
