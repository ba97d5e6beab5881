/** The notifications of the user: from their own stream and from the hub's, newest first. */
import { severities, type Notice } from '../../shared/schema.ts';

export interface PostedNotice extends Notice {
  /** The gateway's. */
  readonly id: string;
  readonly timeMs: number;
  readonly isRead: boolean;
}

/** Older ones are left out. */
const noticesMax = 200;

export class NoticeBoard {
  #notices: readonly PostedNotice[] = [];
  #read: ReadonlySet<string> = new Set();

  get notices(): readonly PostedNotice[] {
    return this.#notices.map((notice) => ({ ...notice, isRead: this.#read.has(notice.id) }));
  }

  get unread(): readonly PostedNotice[] {
    return this.notices.filter(({ isRead }) => !isRead);
  }

  /** Returns false when it was here before. */
  add(id: string, timeMs: number, data: unknown): boolean {
    if (this.#notices.some((notice) => notice.id === id)) return false;
    const posted = { id, timeMs, isRead: false, ...noticeOf(data) };
    const index = this.#notices.findIndex((notice) => notice.timeMs < timeMs);
    const at = index === -1 ? this.#notices.length : index;
    this.#notices = this.#notices.toSpliced(at, 0, posted).slice(0, noticesMax);
    return true;
  }

  /** Ids that the user has read on any device; those of before stay read. */
  markRead(ids: readonly string[]): void {
    this.#read = new Set([...this.#read, ...ids]);
  }
}

/** Whoever has the access key may send anything: what is missing is made up. */
export function noticeOf(data: unknown): Notice {
  // Looked at field by field below.
  const fields = (typeof data === 'object' && data !== null ? data : {}) as Partial<
    Record<keyof Notice, unknown>
  >;
  const textOf = (value: unknown, fallback: string): string =>
    typeof value === 'string' && value !== '' ? value : fallback;
  return {
    title: textOf(fields.title, typeof data === 'string' ? data : 'Notification'),
    body: textOf(fields.body, ''),
    severity: severities.find((severity) => severity === fields.severity) ?? 'info',
    topic: typeof fields.topic === 'string' ? fields.topic : undefined,
  };
}
