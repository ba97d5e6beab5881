/** Leads what happens on the page to what is to be done: one listener for each kind of event. */
import type { Page } from './page.ts';
import type { Screen } from './screen.ts';
import type { DialogName } from './ui.ts';

type Data = Readonly<Record<string, string | undefined>>;
type Action = (page: Page, data: Data) => void | Promise<void>;

/** By `data-action`. */
const actions: Readonly<Record<string, Action>> = {
  open: (page, data) => page.open(data['conversation'] ?? ''),
  back: (page) => page.back(),
  skip: () => document.querySelector<HTMLElement>('#thread')?.focus(),
  retry: (page, data) => page.retry(data['message'] ?? '', data['text'] ?? ''),
  'load-older': (page) => page.loadOlder(),
  'toggle-centre': (page) => page.toggleCentre(),
  read: (page, data) => page.read(data['notice'] ?? ''),
  'read-all': (page) => page.readAll(),
  subscribe: (page, data) => page.subscribe(data['topic'] ?? '', data['wanted'] === 'true'),
  // The views name nothing else.
  'open-dialog': (page, data) => page.openDialog(data['dialog'] as DialogName),
  'close-dialog': (page) => page.closeDialog(),
  'join-room': (page, data) => page.joinRoom(data['conversation'] ?? ''),
  'leave-room': (page, data) => page.leaveRoom(data['conversation'] ?? ''),
  befriend: (page, data) => page.befriend(data['person'] ?? ''),
  dismiss: (page, data) => page.dismiss(data['toast'] ?? ''),
  reconnect: (page) => page.reconnect(),
  'sign-out': (page) => page.signOut(),
};

/** `page` gives the present one; there is none before somebody has signed in. */
export function listen(root: HTMLElement, screen: Screen, page: () => Page | undefined): void {
  root.addEventListener('click', (event) => {
    const element = closest(event.target, '[data-action]');
    const present = page();
    if (element === undefined || element instanceof HTMLFormElement || !present) return;
    if (element instanceof HTMLAnchorElement) event.preventDefault();
    void actions[element.dataset['action'] ?? '']?.(present, element.dataset);
  });
  root.addEventListener('submit', (event) => {
    event.preventDefault();
    const form = event.target;
    const present = page();
    if (!(form instanceof HTMLFormElement) || present === undefined) return;
    const fields: Record<string, string> = {};
    for (const [name, value] of new FormData(form)) {
      if (typeof value === 'string') fields[name] = value;
    }
    if (form.dataset['action'] === 'send') present.send(fields['text'] ?? '');
    else void present.notify(fields);
  });
  root.addEventListener('input', (event) => {
    if (closest(event.target, '.composer') !== undefined) page()?.write();
  });
  // Also when nothing of the page has the focus.
  document.addEventListener('keydown', (event) => onKey(event, screen, page()));
  // These two do not rise from where they happen.
  root.addEventListener('close', () => page()?.closeDialog(), true);
  root.addEventListener('scroll', () => page()?.look(), { capture: true, passive: true });
  document.addEventListener('visibilitychange', () => page()?.look());
  addEventListener('hashchange', () => page()?.openFromAddress());
}

function onKey(event: KeyboardEvent, screen: Screen, page: Page | undefined): void {
  const { target } = event;
  if (event.key === 'Escape') page?.escape();
  const text = closest(target, '.composer textarea');
  if (text instanceof HTMLTextAreaElement) {
    // While letters are being composed, Enter accepts them.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    text.form?.requestSubmit();
    return;
  }
  if (target instanceof Element && screen.moveAmongRows(target, event.key)) event.preventDefault();
}

function closest(target: EventTarget | null, selector: string): HTMLElement | undefined {
  if (!(target instanceof Element)) return undefined;
  return target.closest<HTMLElement>(selector) ?? undefined;
}
