import type { Seen } from "./http-engine.ts";

export interface Order {
  id: string;
  total: number;
  note?: string;
}

export interface Problem {
  title: string;
}

interface NoParameters {
  query?: never;
  header?: never;
  path?: never;
  cookie?: never;
}

/** In the manner of openapi-typescript. */
export interface paths {
  "/orders": {
    parameters: NoParameters;
    get: {
      parameters: {
        query?: { page?: number; tags?: string[]; filter?: { state?: string; min?: number } };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: { "application/json": Order[] } };
        default: { headers: { [name: string]: unknown }; content: { "application/problem+json": Problem } };
      };
    };
    put?: never;
    post: {
      parameters: NoParameters;
      requestBody: { content: { "application/json": { total: number } } };
      responses: {
        201: { content: { "application/json": Order } };
        422: { content: { "application/json": { field: string } } };
        500: { content?: never };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/orders/{id}": {
    parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
    get: {
      parameters: {
        query?: { expand?: boolean };
        header?: { "x-tenant"?: string };
        path: { id: string };
        cookie?: { session?: string };
      };
      requestBody?: never;
      responses: {
        200: { content: { "text/plain": string; "application/json": Order } };
        404: { content: { "application/json": Problem } };
      };
    };
    delete: {
      parameters: { query?: never; header: { "if-match": string }; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 204: { content?: never }; 404: { content?: never } };
    };
    patch: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: { content: { "application/json": { note?: string } } };
      responses: { 200: { content: { "application/json": Seen } } };
    };
    put?: never;
  };
  "/search": {
    get: {
      parameters: { query: { q: string } };
      responses: {
        "2XX": { content: { "application/json": string[] } };
        "4XX": { content: { "application/json": Problem } };
      };
    };
  };
  "/upload": {
    post: {
      parameters: NoParameters;
      requestBody: { content: { "multipart/form-data": { file: string } } };
      responses: { 200: { content: { "application/json": Seen } } };
    };
    put: {
      parameters: NoParameters;
      requestBody: { content: { "application/octet-stream": string } };
      responses: { 200: { content: { "application/json": Seen } } };
    };
  };
  "/users": {
    post: {
      parameters: NoParameters;
      requestBody: {
        content: {
          "application/json": {
            id: { readonly $read: string };
            name: string;
            password: { readonly $write: string };
          };
        };
      };
      responses: {
        200: {
          content: {
            "application/json": {
              id: { readonly $read: string };
              name: string;
              password: { readonly $write: string };
            };
          };
        };
      };
    };
  };
}
