/** Tells clients that follow what they get that live messages may be missing. */
import type { GapNotice } from '../protocol/model.ts';
import type { HubTable } from './hub-table.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import { ownDestination } from './streams/notices.ts';

/** Streams are left out: they repair themselves, and tell what they cannot. */
export function tellLiveGap(hubs: HubTable, keys: readonly string[] | 'all'): void {
  if (keys === 'all') {
    for (const subscriber of hubs.allConnections()) {
      tell(subscriber, { kind: 'gap', to: undefined, reason: 'backplane' });
    }
    return;
  }
  for (const key of keys) {
    const target = hubs.byKey(key);
    if (target === undefined || target.rules.retention !== undefined) continue;
    const to = ownDestination(target);
    for (const { subscriber } of [...target.members]) {
      tell(subscriber, { kind: 'gap', to, reason: 'backplane' });
    }
  }
}

function tell({ codec, owner }: LocalSubscriber, notice: GapNotice): void {
  if (codec.encoder.encodeSkip !== undefined) owner.onGap(notice);
}
