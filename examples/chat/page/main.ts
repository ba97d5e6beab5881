/** Begins: with the session of this tab, or with the question who the user is. */
import type { Person } from '../shared/schema.ts';
import { Api, peopleToChoose, signIn } from './api.ts';
import { listen } from './events.ts';
import { Page } from './page.ts';
import { Screen } from './screen.ts';
import { UnauthorizedError } from './sdk.ts';
import { signInView } from './views/sign-in.ts';

/** Of the tab: each tab may be somebody else. */
const sessionKey = 'harbour-chat-session';

const root = document.querySelector<HTMLElement>('#app') ?? document.body;
const screen = new Screen(root);
let page: Page | undefined;

async function begin(): Promise<void> {
  const session = sessionStorage.getItem(sessionKey);
  if (session === null) return askWho();
  const api = new Api(session);
  try {
    const state = await api.state();
    page = new Page({ api, state, screen, onSignedOut: () => void forget() });
  } catch (error) {
    if (error instanceof UnauthorizedError) return forget();
    await askWho(sentenceOf(error));
  }
}

async function forget(): Promise<void> {
  page = undefined;
  sessionStorage.removeItem(sessionKey);
  history.replaceState(null, '', location.pathname);
  await askWho();
}

async function askWho(trouble?: string): Promise<void> {
  document.title = 'Sign in · Harbour Chat';
  let people: readonly Person[] = [];
  try {
    people = await peopleToChoose();
    screen.show(signInView(people, trouble));
  } catch (error) {
    screen.show(signInView([], `${sentenceOf(error)} Load the page again.`));
  }
}

async function choose(person: string): Promise<void> {
  try {
    sessionStorage.setItem(sessionKey, await signIn(person));
    await begin();
  } catch (error) {
    await askWho(sentenceOf(error));
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

root.addEventListener('click', (event) => {
  const { target } = event;
  const choice = target instanceof Element ? target.closest<HTMLElement>('.choice') : null;
  if (choice !== null) void choose(choice.dataset['person'] ?? '');
});
listen(root, screen, () => page);
void begin();
