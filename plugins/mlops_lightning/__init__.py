"""Neural networks for tables, images and texts, trained by Lightning."""
