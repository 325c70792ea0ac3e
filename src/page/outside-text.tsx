/** Text that others wrote: shown as it is, in a direction of its own, broken where it has to be. */
export const OutsideText = ({ text }: { readonly text: string }) => <bdi class="outside">{text}</bdi>;
