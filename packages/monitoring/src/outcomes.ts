/** A caller that gave up, and one that asked for what cannot be sent, say nothing about the service. */
export const counted = 'proxyless_flag!~"DC|LR"';
/** What a circuit or a limit refused failed as well, for whoever called. */
export const failed = 'proxyless_outcome!="success"';
