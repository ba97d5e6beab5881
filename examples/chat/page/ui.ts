/** What only this page knows: what is open, what pops up, what was typed. */
import type { Severity } from '../shared/schema.ts';

export interface Toast {
  readonly key: string;
  readonly title: string;
  readonly body: string;
  readonly severity: Severity;
  /** Opened by the toast. */
  readonly conversation?: string | undefined;
}

export type DialogName = 'rooms' | 'people' | 'notify';

export interface Ui {
  /** The name of the conversation. */
  open: string | undefined;
  /** The key of the message before which "New" is shown. */
  firstUnread: string | undefined;
  isCentreOpen: boolean;
  dialog: DialogName | undefined;
  toasts: readonly Toast[];
  /** Read out to who does not see the page. */
  announcement: string;
}

export function newUi(): Ui {
  return {
    open: undefined,
    firstUnread: undefined,
    isCentreOpen: false,
    dialog: undefined,
    toasts: [],
    announcement: '',
  };
}
