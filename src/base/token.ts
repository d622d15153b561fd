/** A token (RFC9110§5.6.2): the name of a header, of a parameter, a method. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
