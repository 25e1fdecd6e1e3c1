"""What people see: messages, buttons, pages."""
