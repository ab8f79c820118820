import { byId, setText } from "./elements.ts";

/** Asks for the token. It goes into a header, never into an address. */
export class Login {
  readonly #form = byId("login", HTMLFormElement);
  readonly #token = byId("token", HTMLInputElement);
  readonly #error = byId("login-error", HTMLElement);
  readonly #onDone: () => void;

  constructor(onDone: () => void) {
    this.#onDone = onDone;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
  }

  show(): void {
    this.#form.hidden = false;
    this.#token.focus();
  }

  hide(): void {
    this.#form.hidden = true;
  }

  async #send(): Promise<void> {
    setText(this.#error, "");
    const token = this.#token.value;
    this.#token.value = "";
    try {
      const response = await fetch("login", {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
      if (response.ok) this.#onDone();
      else setText(this.#error, "That is not the token.");
    } catch {
      setText(this.#error, "The server does not answer.");
    }
  }
}
