/**
 * Lets a new connection prove itself before it is used: the node's interest is restored, and a
 * message published on it has come back. Afterwards a canary goes on proving it.
 */
import { randomUUID } from 'node:crypto';
import { Canary } from './canary.ts';
import type { Session } from './session.ts';
import type { NatsCounters, NatsSettings } from './settings.ts';
import { probeSubject, subjectPattern } from './subject.ts';

export interface ProveOptions {
  readonly settings: NatsSettings;
  readonly counters: NatsCounters;
  /** Brings the node's interest to the session. */
  readonly restore: (session: Session) => Promise<void>;
}

/** Resolves with undefined when it works, else with the reason for people. Never rejects. */
export async function prove(session: Session, options: ProveOptions): Promise<string | undefined> {
  const { restore, settings } = options;
  const { connectTimeoutMs, prefix } = settings;
  const subject = probeSubject(prefix, randomUUID());
  let firstEcho: () => void = () => undefined;
  const echoed = new Promise<'echoed'>((resolve) => {
    firstEcho = () => resolve('echoed');
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), connectTimeoutMs);
  });
  const sing = (song: number): void => session.probe(subject, Buffer.from(`${song}`));
  let canary: Canary | undefined;
  try {
    const listening = session.subscribe(subject, (bytes) => {
      canary?.heard(Number(Buffer.from(bytes).toString('latin1')));
      firstEcho();
    });
    // In this order; all of it in one turn unless the interest is very large.
    const restored = restore(session);
    sing(0);
    await Promise.all([listening, restored]);
    const outcome = await Promise.race([echoed, late, session.ended]);
    if (outcome === 'echoed') {
      canary = keepProving(session, sing, options);
      return undefined;
    }
    const why = outcome === 'late' ? 'a message published there did not come back' : outcome.reason;
    return `${why}${permissionHint(session, prefix)}`;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `${why}${permissionHint(session, prefix)}`;
  } finally {
    clearTimeout(timer);
  }
}

/** Until the session is over. */
function keepProving(
  session: Session,
  sing: (song: number) => void,
  { counters, settings }: ProveOptions,
): Canary {
  const canary = new Canary({
    intervalMs: settings.probeIntervalMs,
    sing,
    inboundCount: () => session.inboundCount,
    onDeaf: () => {
      counters.canaryMisses += 1;
      session.end('messages published on this connection do not come back');
    },
  });
  void session.ended.then(() => canary.stop());
  return canary;
}

function permissionHint(session: Session, prefix: string): string {
  if (!/permission/i.test(session.lastError ?? '')) return '';
  return (
    ` (${session.lastError}); let the account publish and subscribe ` +
    `on "${subjectPattern(prefix)}"`
  );
}
