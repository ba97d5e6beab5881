/** Tells the members of a stream what messages cannot say. */
import type { Position } from '../../../backplanes/stream-store.ts';
import { closeCodes } from '../../protocol/close-codes.ts';
import type { GapNotice, OwnDestination } from '../../protocol/model.ts';
import type { Fanout } from '../fanout.ts';
import type { LocalSubscriber } from '../local-subscriber.ts';
import type { Target } from '../target.ts';

/** A destination as its members name it. */
export function ownDestination({ kind, name }: Pick<Target, 'kind' | 'name'>): OwnDestination {
  switch (kind) {
    case 'group':
      return { kind, name };
    case 'user':
    case 'all':
      return { kind };
    case 'connection':
      throw new Error('a connection is no destination of its own');
  }
}

/** Messages are missing for every member; what was collected before goes out first. */
export function tellGap(
  target: Target,
  fanout: Pick<Fanout, 'flush'>,
  notice: Pick<GapNotice, 'reason' | 'from' | 'position'>,
): void {
  const to = ownDestination(target);
  for (const subscriber of followers(target, fanout)) {
    if (!subscriber.isCongested) {
      subscriber.owner.onGap({ kind: 'gap', to, ...notice });
    } else {
      // It would be told before it was given what waits for it.
      const reason = 'The stream has changed while the client read too slowly; resume';
      subscriber.owner.close(closeCodes.resumeNow, reason);
    }
  }
}

/** Members that have everything so far are complete up to here. */
export function tellBookmark(
  target: Target,
  fanout: Pick<Fanout, 'flush'>,
  position: Position,
): void {
  const to = ownDestination(target);
  for (const subscriber of followers(target, fanout)) {
    if (!subscriber.isCongested) subscriber.owner.onBookmark(to, position);
  }
}

/** A copy, because who is told may leave at once. */
function followers(target: Target, fanout: Pick<Fanout, 'flush'>): LocalSubscriber[] {
  if (target.members.length === 0) return [];
  fanout.flush();
  return target.members
    .map(({ subscriber }) => subscriber)
    .filter(({ codec }) => codec.encoder.encodeSkip !== undefined);
}
