import { useEffect, useRef, useState } from 'preact/hooks';
import { keepToken, type TokenNeed } from './token.ts';

/** Asks for the token, when the server wants one. */
export function TokenForm({ need }: { readonly need: Exclude<TokenNeed, 'none'> }) {
  const [token, setToken] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        if (token.trim() !== '') keepToken(token.trim());
      }}
    >
      <h1>Token needed</h1>
      <p role="alert">
        {need === 'refused'
          ? 'The server does not take this token: it is not known, has expired, or has been revoked.'
          : 'This server wants to know who looks. Your token is kept in this tab until it is closed.'}
      </p>
      <label>
        Token
        <input
          ref={field}
          type="password"
          autoComplete="off"
          required
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
        />
      </label>
      <button type="submit" class="filled">
        Look in
      </button>
    </form>
  );
}
