import { sharedValue } from './shared-value.ts';

const place = 'sluice-token';

export type TokenNeed = 'none' | 'missing' | 'refused';

/** What the server has last said about the token: whether one is missing, or the one it got is not good. */
export const tokenNeed = sharedValue<TokenNeed>('none');

/** Grows with each change of the token, so that what was refused is asked for again. */
export const tokenChanges = sharedValue(0);

/** Kept for this tab until it is closed. */
export const readToken = () => sessionStorage.getItem(place);

export function keepToken(token: string): void {
  if (!fitsHeader(token)) {
    tokenNeed.set('refused');
    return;
  }
  sessionStorage.setItem(place, token);
  change();
}

/** What cannot be sent at all, such as a character of another script, is no token of any server. */
function fitsHeader(token: string): boolean {
  try {
    new Headers({ authorization: token });
    return true;
  } catch {
    return false;
  }
}

export function forgetToken(): void {
  sessionStorage.removeItem(place);
  change();
}

function change(): void {
  tokenNeed.set('none');
  tokenChanges.set(tokenChanges.get() + 1);
}
