"""Who may do what: rules as data beside their resource, one engine that decides."""
